/**
 * The choice between the ways to show the keys of a run: as a table, over time, as charts of their metadata.
 */

import { Picture } from "./parts.js";
import { html } from "./vendor/preact.js";

/** @typedef {import("./address.js").Show} Show */

/** @type {readonly {show: Show, label: string, path: string}[]} */
const WAYS = Object.freeze([
  { show: "table", label: "Table", path: "M2.5 3.5h11M2.5 8h11M2.5 12.5h11M6.5 3.5v9" },
  { show: "timeline", label: "Timeline", path: "M2.5 3.5h5M5 8h6M8 12.5h5.5" },
  { show: "charts", label: "Charts", path: "M3 13.5V8M8 13.5v-11M13 13.5V6" },
]);

/** @param {{show: Show, onShow: (show: Show) => void}} properties */
export function ShowButtons({ show, onShow }) {
  return html`<div class="segments is-small" role="group" aria-label="Show as">
    ${WAYS.map(
      (way) => html`<button key=${way.show} type="button" aria-pressed=${way.show === show ? "true" : "false"} title=${way.label} onClick=${() => onShow(way.show)}>
        <${Picture} path=${way.path} /><span class="word">${way.label}</span>
      </button>`,
    )}
  </div>`;
}
