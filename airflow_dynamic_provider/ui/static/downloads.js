/**
 * The downloads of the keys that the viewer sees: with a search or a filter, only those that match.
 */

import { exportHref } from "./api.js";
import { followDownload } from "./host.js";
import { Menu } from "./menu.js";
import { several } from "./parts.js";
import { html } from "./vendor/preact.js";

const CHOICES = /** @type {const} */ ([
  ["states", "csv"],
  ["states", "json"],
  ["metadata", "csv"],
  ["metadata", "json"],
]);

/**
 * @param {{place: import("./address.js").Place, view: import("./address.js").View, matching: number | null}} properties  matching: The number of keys that match; null without a filter.
 */
export function Downloads({ place, view, matching }) {
  return html`<${Menu} label="Download" path="M8 2.5v8M4.5 7.5L8 11l3.5-3.5M3 13.5h10">
    <li class="menu-note">${matching === null ? "All keys" : `Only the ${several(matching, "key")} that match`}</li>
    ${CHOICES.map(
      ([what, format]) => html`<li key=${what + format}>
        <a href=${exportHref(place, view, what, format)} download onClick=${followDownload}>${what === "states" ? "States" : "Metadata"} as ${format.toUpperCase()}</a>
      </li>`,
    )}
  <//>`;
}
