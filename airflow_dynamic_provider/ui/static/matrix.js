/**
 * The matrix of a key space: a row for each key, a column for each task.
 */

import { filterOf, getKeys, PAGE_SIZE } from "./api.js";
import { ClearDialog } from "./clear_dialog.js";
import { Comparison } from "./comparison.js";
import { Downloads } from "./downloads.js";
import { Errors } from "./error_groups.js";
import { StateChips } from "./filters.js";
import { FormerKeys } from "./former_keys.js";
import { KeyActions } from "./key_actions.js";
import { MetadataFilter } from "./metadata_filter.js";
import { Cut, Failure, formatCount, Loading, Notice, Pager, Picture, SearchBox, several, Spoken } from "./parts.js";
import { LIVE, ON_RETURN, usePolling } from "./polling.js";
import { followFocus, moveByKey, useRoving } from "./roving.js";
import { useSelection } from "./selection.js";
import { classOf, SUMMARY_COLUMNS } from "./summary_columns.js";
import { TaskHead } from "./task_head.js";
import { TreeRow } from "./tree_rows.js";
import { html, useEffect, useRef, useState } from "./vendor/preact.js";

/** @typedef {import("wire").KeysPage} KeysPage */
/** @typedef {import("wire").RunSpace} RunSpace */
/** @typedef {import("./address.js").Place} Place */
/** @typedef {import("./address.js").View} View */
/** @typedef {(part: Partial<View>) => void} Change */

/**
 * @param {{place: Place, space: RunSpace, view: View, change: Change, onCleared: () => void, switcher: unknown}} properties
 */
export function Matrix({ place, space, view, change, onCleared, switcher }) {
  const { of, search, states, error: group, where, column, sort, descending, flat, offset } = view;
  const { data, error, isLoading, reload } = usePolling(
    (signal) => getKeys(place, view, {}, signal),
    JSON.stringify([of, search, states, group, where, column, sort, descending, flat, offset]),
    ({ is_running }) => (is_running ? LIVE : ON_RETURN),
  );
  const selection = useSelection(JSON.stringify([of, search, states, group, where]));
  const [isFiltering, setFiltering] = useState(false);
  const [wanted, setWanted] = useState(/** @type {import("wire").ClearingRequest | null} */ (null));
  const isBeyond = data !== null && !isLoading && offset > 0 && offset >= data.total;
  useEffect(() => {
    if (isBeyond) {
      change({ offset: 0 });
    }
  }, [isBeyond]);
  if (!data) {
    return error ? html`<${Failure} error=${error} /><${ShowAll} change=${change} />` : html`<${Loading} what="keys" />`;
  }
  const isFiltered = search !== "" || states.length > 0 || group !== "" || where !== "";
  const one = data.rows.some(({ children }) => children !== null) ? "outer key" : "key";
  const chosen = [...selection.chosen].map((id) => JSON.parse(id));
  const whenCleared = () => {
    selection.clear();
    reload();
    onCleared();
  };
  return html`
    <div class="toolbar">
      ${switcher}
      <${SearchBox} value=${search} label="Search keys" onSearch=${(/** @type {string} */ text) => change({ search: text, offset: 0 })} />
      <${StateChips} counts=${data.counts} chosen=${states} onChoose=${(/** @type {string[]} */ list) => change({ states: list, offset: 0 })} />
      <div class="actions">
        ${space.depth > 1 && html`<label class="check-label"><input type="checkbox" checked=${flat} onChange=${() => change({ flat: !flat, offset: 0 })} /> Flat list</label>`}
        <${ClearButtons}
          chosen=${selection.isAll ? data.total : chosen.length}
          failed=${failures(space.counts)}
          onChosen=${() => setWanted({ of, keys: chosen, state: null, wanted: selection.isAll ? filterOf(view) : null })}
          onFailed=${() => setWanted({ of, keys: [], state: "failed" })}
          onNone=${selection.clear}
        />
        <${KeyActions} place=${place} view=${view} total=${data.total} selection=${selection} onFilter=${() => setFiltering(true)} onCompare=${() => change({ compare: true })} />
        <${Downloads} place=${place} view=${view} matching=${isFiltered ? data.total : null} />
        ${data.is_running && html`<span class="live quiet"><i></i>Live</span>`}
        <${Pager} total=${data.total} offset=${offset} limit=${PAGE_SIZE} what=${one} onOffset=${(/** @type {number} */ to) => change({ offset: to })} />
      </div>
    </div>
    ${(isFiltering || where || column) && html`<${MetadataFilter} view=${view} change=${change} onClose=${() => setFiltering(false)} />`}
    ${error && html`<${Failure} error=${error} />`}
    ${(space.counts["failed"] || group) &&
    html`<${Errors}
      place=${place}
      of=${of}
      failed=${space.counts["failed"] ?? 0}
      chosen=${group}
      onChoose=${(/** @type {string} */ name) => change({ error: name, offset: 0 })}
      onClear=${(/** @type {string} */ name) => setWanted({ of, keys: [], state: "failed", wanted: { ...filterOf({ ...view, ...EVERYTHING }), error: name } })}
    />`}
    ${view.compare && html`<${Comparison} place=${place} of=${of} onSearch=${(/** @type {string} */ key) => change({ ...EVERYTHING, search: key, offset: 0 })} onClose=${() => change({ compare: false })} />`}
    ${space.has_stale &&
    html`<${FormerKeys} place=${place} space=${space} title="Task instances of former keys" onCleared=${whenCleared}>
      The keys were listed again, and task instances that ran for other keys before have not run since. They are marked as <i>old key</i>.
    <//>`}
    <${Table} place=${place} data=${data} progress=${space.progress} view=${view} change=${change} isLoading=${isLoading} selection=${selection} />
    <${Spoken} text=${isLoading ? "" : `${several(data.total, one)}${isFiltered ? " found" : ""}`} />
    ${wanted && html`<${ClearDialog} place=${place} wanted=${wanted} onClose=${() => setWanted(null)} onCleared=${whenCleared} />`}
  `;
}

/** What selects all keys. */
const EVERYTHING = { search: "", states: [], error: "", where: "" };

/** @param {{change: Change}} properties */
function ShowAll({ change }) {
  return html`<button type="button" class="plain-button" onClick=${() => change({ ...EVERYTHING, offset: 0 })}>Show all keys</button>`;
}

/**
 * Says which keys are selected when all on the page are, and offers all that match.
 *
 * @param {{here: number, total: number, selection: import("./selection.js").Selection}} properties
 */
function SelectNote({ here, total, selection }) {
  return html`<p class="select-note">
    ${selection.isAll
      ? html`All ${formatCount(total)} that match are selected.`
      : html`All ${formatCount(here)} on this page are selected. <button type="button" class="plain-button" onClick=${selection.chooseAll}>Select all ${formatCount(total)} that match</button>`}
  </p>`;
}

/** @param {Record<string, number>} counts */
export function failures(counts) {
  return (counts["failed"] ?? 0) + (counts["upstream_failed"] ?? 0);
}

/**
 * @param {{chosen: number, failed: number, onChosen: () => void, onFailed: () => void, onNone: () => void}} properties
 */
export function ClearButtons({ chosen, failed, onChosen, onFailed, onNone }) {
  return html`
    ${chosen > 0 && html`<button type="button" class="plain-button" onClick=${onNone}>Select none</button>`}
    ${chosen > 0 && html`<button type="button" class="button" onClick=${onChosen}>Clear selected (${formatCount(chosen)})</button>`}
    ${failed > 0 && html`<button type="button" class="button" onClick=${onFailed}>Clear all failed</button>`}
  `;
}

/**
 * @param {{place: Place, data: KeysPage, progress: RunSpace["progress"], view: View, change: Change, isLoading: boolean, selection: import("./selection.js").Selection}} properties
 */
function Table({ place, data, progress, view, change, isLoading, selection }) {
  const table = useRef(/** @type {HTMLTableElement | null} */ (null));
  const scroller = useRef(/** @type {HTMLDivElement | null} */ (null));
  useRoving(table);
  useEffect(() => scroller.current?.scrollTo(0, 0), [data.offset, data.of]);
  // A folded row stands for all keys below it.
  // An outer key without keys below it has nothing to select.
  const ids = data.rows.filter(({ children }) => children !== 0).map((row) => JSON.stringify(row.key_path));
  const chosenHere = ids.filter(selection.has).length;
  if (!data.rows.length) {
    return html`<${Notice} title="No key matches">
      ${view.search && html`Nothing contains “<${Cut} text=${view.search} />”. `}${view.states.length > 0 && "No key is in the selected states. "}${view.error && "No key fails with this error any more. "}${view.where && html`No key has <code>${view.where}</code>. `}
      <${ShowAll} change=${change} />
    <//>`;
  }
  return html`
    ${chosenHere === ids.length && ids.length < data.total && html`<${SelectNote} here=${ids.length} total=${data.total} selection=${selection} />`}
    <div class="matrix-scroll" ref=${scroller}>
    <table ref=${table} class="matrix" role="grid" aria-label="Keys" aria-rowcount=${data.total + 1} aria-busy=${isLoading ? "true" : "false"} onKeyDown=${moveByKey} onFocusIn=${followFocus}>
      <thead>
        <tr aria-rowindex="1">
          <th class="key-column" scope="col" aria-sort=${ariaSort(view, "key")}>
            <div class="key-cell">
              <input
                type="checkbox"
                aria-label="Select all on this page"
                checked=${chosenHere === ids.length}
                indeterminate=${chosenHere > 0 && chosenHere < ids.length}
                onChange=${() => selection.choose(ids, chosenHere < ids.length)}
              />
              <${SortButton} by="key" label="Key" view=${view} change=${change} />
            </div>
          </th>
          ${SUMMARY_COLUMNS.map(
            (column) => html`<th key=${column.sort} scope="col" class=${classOf(column)} aria-sort=${ariaSort(view, column.sort)}>
              <${SortButton} by=${column.sort} label=${column.label} isNumber=${column.isNumber} view=${view} change=${change} />
            </th>`,
          )}
          ${view.column &&
          html`<th class="number" scope="col" aria-sort=${ariaSort(view, "metadatum")}>
            <${SortButton} by="metadatum" label=${view.column} isNumber=${true} view=${view} change=${change} />
          </th>`}
          ${data.columns.map((column) => html`<th key=${column.task_id} scope="col"><${TaskHead} column=${column} progress=${progress.find(({ task_id }) => task_id === column.task_id)} /></th>`)}
        </tr>
      </thead>
      <tbody>
        ${data.rows.map(
          (row, at) => html`<${TreeRow}
            key=${JSON.stringify(row.key_path)}
            place=${place}
            row=${row}
            view=${view}
            change=${change}
            columns=${data.columns}
            selection=${selection}
            level=${0}
            index=${data.offset + at + 2}
            isLive=${data.is_running}
          />`,
        )}
      </tbody>
    </table>
  </div>`;
}

/**
 * @param {{by: import("./address.js").Sort, label: string, isNumber?: boolean, view: View, change: Change}} properties
 */
function SortButton({ by, label, isNumber = false, view, change }) {
  const isBy = view.sort === by;
  const path = !isBy ? "M5 6.5L8 3.5l3 3M5 9.5l3 3l3-3" : view.descending ? "M5 6.5l3 3l3-3" : "M5 9.5l3-3l3 3";
  // Numbers sort from the largest first. The third click restores the order in which the keys were produced.
  const next = !isBy
    ? { sort: by, descending: isNumber }
    : view.descending === isNumber
      ? { descending: !view.descending }
      : { sort: /** @type {const} */ ("position"), descending: false };
  return html`<button type="button" class="sort ${isBy ? "is-on" : ""}" title=${`Sort by ${label.toLowerCase()}`} onClick=${() => change({ ...next, offset: 0 })}>
    ${label}<${Picture} path=${path} size=${12} />
  </button>`;
}

/**
 * @param {View} view
 * @param {string} by
 */
function ariaSort(view, by) {
  return view.sort !== by ? "none" : view.descending ? "descending" : "ascending";
}
