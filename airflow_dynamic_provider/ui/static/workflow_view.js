/**
 * A workflow of a run: its nodes as a graph or as a list, with buttons to clear them.
 */

import { getWorkflow } from "./api.js";
import { ClearDialog } from "./clear_dialog.js";
import { ClearButtons, failures } from "./matrix.js";
import { Cut, Failure, Loading, Notice, SearchBox, several, StateBadge } from "./parts.js";
import { LIVE, ON_RETURN, usePolling } from "./polling.js";
import { useSelection } from "./selection.js";
import { html, useState } from "./vendor/preact.js";
import { LARGEST, WorkflowGraph } from "./workflow_graph.js";
import { WorkflowList } from "./workflow_list.js";

/** @typedef {import("wire").WorkflowGraph} Workflow */
/** @typedef {import("./address.js").View} View */
/**
 * @typedef {object} Properties
 * @property {import("./address.js").Place} place
 * @property {import("wire").RunWorkflow} workflow
 * @property {View} view
 * @property {(part: Partial<View>) => void} change
 * @property {() => void} onCleared
 */

/** @param {Properties} properties */
export function WorkflowView({ place, workflow, view, change, onCleared }) {
  const { data, error, reload } = usePolling(
    (signal) => getWorkflow(place, workflow.name, view.key, signal),
    JSON.stringify([workflow.name, view.key]),
    ({ is_running }) => (is_running ? LIVE : ON_RETURN),
  );
  const selection = useSelection();
  const [wanted, setWanted] = useState(/** @type {import("wire").ClearingRequest | null} */ (null));
  if (!data) {
    return error ? html`<${Failure} error=${error} />` : html`<${Loading} what="the workflow" />`;
  }
  const clear = (/** @type {string[]} */ nodes, /** @type {"failed" | null} */ state) =>
    setWanted({ workflow: data.name, nodes, key: data.keys.length ? data.key_path : null, state });
  const whenCleared = () => {
    selection.clear();
    reload();
    onCleared();
  };
  return html`<section class="section" aria-label=${workflow.name}>
    <div class="toolbar">
      ${data.keys.length > 0 && html`<${KeySelect} data=${data} onKey=${(/** @type {string} */ key) => change({ key, search: "" })} />`}
      <${SearchBox} value=${view.search} label="Search nodes" onSearch=${(/** @type {string} */ search) => change({ search })} />
      <span class="quiet">${several(data.nodes.length, "node")}, result <${StateBadge} state=${data.state} /></span>
      <div class="actions">
        <${ShapeButtons} isList=${view.flat} canDraw=${data.nodes.length <= LARGEST} onChange=${(/** @type {boolean} */ flat) => change({ flat })} />
        <${ClearButtons}
          chosen=${selection.chosen.size}
          failed=${failures(data.counts)}
          onChosen=${() => clear([...selection.chosen], null)}
          onFailed=${() => clear([], "failed")}
          onNone=${selection.clear}
        />
      </div>
    </div>
    ${error && html`<${Failure} error=${error} />`}
    ${data.message && html`<${Notice} tone="warning">${data.message}<//>`}
    ${data.kept_calls.length > 0 && html`<${KeptCalls} calls=${data.kept_calls} />`}
    <${Nodes} place=${place} data=${data} view=${view} selection=${selection} />
    ${wanted && html`<${ClearDialog} place=${place} wanted=${wanted} onClose=${() => setWanted(null)} onCleared=${whenCleared} />`}
  </section>`;
}

/**
 * @param {{place: import("./address.js").Place, data: Workflow, view: View, selection: import("./selection.js").Selection}} properties
 */
function Nodes({ place, data, view, selection }) {
  if (data.from_run !== null) {
    return html`<${Notice} title="Kept result">The output is that of the run <${Cut} text=${data.from_run} />, so nothing was planned.<//>`;
  }
  if (!data.nodes.length) {
    return data.message ? null : html`<${Notice} title="No nodes">The workflow planned no nodes, or has not been planned yet.<//>`;
  }
  const isLarge = data.nodes.length > LARGEST;
  const Shape = view.flat || isLarge ? WorkflowList : WorkflowGraph;
  return html`${isLarge && html`<${Notice}>A graph of ${several(data.nodes.length, "node")} is too large to read. Up to ${LARGEST} are drawn, so this is a list.<//>`}
    <${Shape} place=${place} data=${data} search=${view.search} selection=${selection} />`;
}

/** @param {{calls: Workflow["kept_calls"]}} properties */
function KeptCalls({ calls }) {
  return html`<details class="kept-calls">
    <summary>${several(calls.length, "call")} with the <span class="kept-mark">kept</span> output of an earlier run</summary>
    <ul>
      ${calls.map(({ name, from_run: run }) => html`<li key=${name}><${Cut} text=${name} /> <span class="quiet">from the run <${Cut} text=${run} /></span></li>`)}
    </ul>
  </details>`;
}

/** @param {{data: Workflow, onKey: (key: string) => void}} properties */
function KeySelect({ data, onKey }) {
  const chosen = JSON.stringify(data.key_path);
  return html`<label class="select-label">Key
    <select value=${chosen} onChange=${(/** @type {any} */ event) => onKey(event.target.value)}>
      ${data.keys.map((path) => html`<option key=${JSON.stringify(path)} value=${JSON.stringify(path)}>${path.join("/").slice(0, 120)}</option>`)}
    </select>
  </label>`;
}

/** @param {{isList: boolean, canDraw: boolean, onChange: (isList: boolean) => void}} properties */
function ShapeButtons({ isList, canDraw, onChange }) {
  const shown = canDraw ? isList : true;
  return html`<div class="segments" role="group" aria-label="Shape">
    <button type="button" aria-pressed=${shown ? "false" : "true"} disabled=${!canDraw} onClick=${() => onChange(false)}>Graph</button>
    <button type="button" aria-pressed=${shown ? "true" : "false"} onClick=${() => onChange(true)}>List</button>
  </div>`;
}
