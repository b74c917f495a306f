/**
 * The entry point of the pages. The path says which page to show.
 */

import { placeOf } from "./address.js";
import { HistoryPage } from "./history_page.js";
import { followTheme } from "./host.js";
import { InstancePage } from "./instance_page.js";
import { Notice } from "./parts.js";
import { RunPage } from "./run_page.js";
import { html, render } from "./vendor/preact.js";

const PAGES = { dag: HistoryPage, task: HistoryPage, run: RunPage, instance: InstancePage };

followTheme();
const place = placeOf(location.pathname);
const page = place
  ? html`<${PAGES[place.page]} place=${place} />`
  : html`<${Notice} title="No such page" tone="error">Open it from the tab in Airflow's UI.<//>`;
render(page, /** @type {HTMLElement} */ (document.getElementById("page")));
