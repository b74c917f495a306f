/**
 * The page of a Dag and of a task: the states of each key in the last runs, and numeric metadata.
 */

import { getDeclared } from "./api.js";
import { Cut, Failure, Loading, Notice } from "./parts.js";
import { usePolling } from "./polling.js";
import { NumbersView } from "./numbers_view.js";
import { StateStrips } from "./state_strips.js";
import { useView } from "./use_view.js";
import { html } from "./vendor/preact.js";

/** @typedef {import("wire").Space} Space */
/** @typedef {import("./address.js").Place} Place */

/** @param {{place: Place}} properties */
export function HistoryPage({ place }) {
  const [view, change] = useView();
  const { data, error } = usePolling(
    (signal) => getDeclared(place, signal),
    "declared",
    () => null,
  );
  if (!data) {
    return error ? html`<${Failure} error=${error} />` : html`<${Loading} what="dynamic outputs" />`;
  }
  const spaces = data.spaces.filter((space) => concerns(space, place.taskId));
  const space = spaces.find(({ of }) => of === view.of) ?? spaces[0];
  if (!space) {
    return html`<${NoSpaces} place=${place} />`;
  }
  return html`<div class="history-page">
    ${spaces.length > 1 &&
    html`<label class="select-label">Keys of
      <select value=${space.of} onChange=${(/** @type {any} */ event) => change({ of: event.target.value, search: "", offset: 0, key: "" })}>
        ${spaces.map(({ of, name }) => html`<option key=${of} value=${of}>${name.slice(0, 120)}</option>`)}
      </select>
    </label>`}
    ${spaces.length === 1 && html`<p class="quiet">Keys of <b><${Cut} text=${space.name} /></b>${space.description && html`: <${Cut} text=${space.description} />`}</p>`}
    <${StateStrips} key=${`strips ${space.of}`} place=${place} of=${space.of} view=${view} change=${change} />
    <${NumbersView} key=${`numbers ${space.of}`} place=${place} of=${space.of} view=${view} change=${change} />
  </div>`;
}

/**
 * Return whether a task produces the keys of a space, or is cloned for them.
 *
 * @param {Space} space
 * @param {string} taskId  Empty for any task.
 */
function concerns(space, taskId) {
  return !taskId || space.producer === taskId || space.columns.some(({ task_id }) => task_id === taskId);
}

/** @param {{place: Place}} properties */
function NoSpaces({ place }) {
  return place.taskId
    ? html`<${Notice} title="No keys here">This task produces no dynamic output, and is not mapped over the keys of one. The Dag's tab shows all dynamic outputs.<//>`
    : html`<${Notice} title="This Dag has no dynamic outputs">
        A task decorated with <code>@task.dynamic</code> yields them while it runs, one for each key. This page would
        show the states of each key in the last runs.
      <//>`;
}
