/**
 * The menu of what can be done with many keys: select them, paste and copy lists of them, filter and compare them.
 */

import { getKeyNames } from "./api.js";
import { copyText } from "./copying.js";
import { Menu } from "./menu.js";
import { formatCount, several, Spoken } from "./parts.js";
import { PasteDialog } from "./paste_dialog.js";
import { html, useState } from "./vendor/preact.js";

/** @typedef {import("./address.js").View} View */

/**
 * @param {{place: import("./address.js").Place, view: View, total: number, selection: import("./selection.js").Selection, onFilter: () => void, onCompare: () => void}} properties
 *   total: The number of rows that match.
 */
export function KeyActions({ place, view, total, selection, onFilter, onCompare }) {
  const [isPasting, setPasting] = useState(false);
  const [said, setSaid] = useState("");
  const names = async () => {
    const chosen = [...selection.chosen].map((id) => JSON.parse(id).join("/"));
    return selection.isAll || !chosen.length ? (await getKeyNames(place, view)).names : chosen;
  };
  const copy = async () => {
    const copied = await names().catch(() => null);
    const isDone = copied !== null && (await copyText(copied.join("\n")));
    setSaid(isDone ? `${several(copied.length, "key")} copied` : "The keys could not be copied");
  };
  const action = (/** @type {string} */ label, /** @type {() => void} */ act) => html`<li><button type="button" onClick=${act}>${label}</button></li>`;
  return html`
    <${Menu} label="Keys" path="M3 4.5h10M3 8h10M3 11.5h6">
      ${action(`Select all ${formatCount(total)} that match`, selection.chooseAll)}
      ${action("Select keys from a list …", () => setPasting(true))}
      ${action(selection.chosen.size ? "Copy the selected keys" : "Copy the keys that match", copy)}
      ${action("Filter by metadata …", onFilter)}
      ${action("Compare with the run before", onCompare)}
    <//>
    ${said && html`<span class="quiet" key=${said}>${said}</span>`}
    <${Spoken} text=${said} />
    ${isPasting &&
    html`<${PasteDialog}
      place=${place}
      of=${view.of}
      onFound=${(/** @type {string[][]} */ keys) => selection.choose(keys.map((path) => JSON.stringify(path)), true)}
      onClose=${() => setPasting(false)}
    />`}
  `;
}
