/**
 * The nodes of a workflow as a table.
 */

import { instanceHref } from "./address.js";
import { ranOf } from "./node_times.js";
import { Cut, Link, Notice, StateBadge } from "./parts.js";
import { followFocus, moveByKey, useRoving } from "./roving.js";
import { formatDuration } from "./time.js";
import { html, useRef } from "./vendor/preact.js";

/**
 * @typedef {object} NodesShown
 * @property {import("./address.js").Place} place
 * @property {import("wire").WorkflowGraph} data
 * @property {string} search
 * @property {import("./selection.js").Selection} selection
 */

/** @param {NodesShown} properties */
export function WorkflowList({ place, data, search, selection }) {
  const table = useRef(/** @type {HTMLTableElement | null} */ (null));
  useRoving(table);
  const nodes = data.nodes.filter(({ name }) => isMatch(name, search));
  if (!nodes.length) {
    return html`<${Notice} title="No node matches">Nothing contains “<${Cut} text=${search} />”.<//>`;
  }
  return html`<div class="matrix-scroll">
    <table ref=${table} class="matrix" role="grid" aria-label="Nodes" onKeyDown=${moveByKey} onFocusIn=${followFocus}>
      <thead>
        <tr>
          <th class="key-column" scope="col">Node</th><th scope="col">State</th><th scope="col" class="number">Ran</th><th scope="col" class="number">Waited</th>
          <th scope="col" class="number">Try</th><th scope="col">Kind</th><th scope="col">Why it did not run</th>
        </tr>
      </thead>
      <tbody>
        ${nodes.map((node) => {
          const isChosen = selection.chosen.has(node.name);
          return html`<tr key=${node.name} class=${isChosen ? "is-chosen" : ""} aria-selected=${isChosen ? "true" : "false"}>
            <th class="key-column" scope="row">
              <div class="key-cell">
                <input type="checkbox" data-stop aria-label=${`Select ${node.name}`} checked=${isChosen} onChange=${() => selection.choose([node.name], !isChosen)} />
                ${node.task_id === null
                  ? html`<${Cut} text=${node.name} />`
                  : html`<${Link} href=${instanceHref(place, node.task_id, node.map_index)} data-stop class="cut" title=${node.name}>${node.name}<//>`}
              </div>
            </th>
            <td><${StateBadge} state=${node.state} />${node.from_run && html` <span class="kept-mark" title=${`Result of the run ${node.from_run}`}>kept</span>`}</td>
            <td class="number">${formatDuration(ranOf(node))}</td>
            <td class="number">${formatDuration(node.waited || null)}</td>
            <td class="number">${node.try_number || ""}</td>
            <td><${Cut} text=${node.kind} /></td>
            <td class="reason"><${Cut} text=${node.reason ?? ""} /></td>
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

/**
 * @param {string} name
 * @param {string} search
 * @returns {boolean}
 */
export function isMatch(name, search) {
  return name.toLowerCase().includes(search.toLowerCase());
}
