/**
 * The matrix of a key space: a row for each key, a column for each task.
 */

import { exportHref, getKeys, PAGE_SIZE } from "./api.js";
import { ClearDialog } from "./clear_dialog.js";
import { StateChips } from "./filters.js";
import { FormerKeys } from "./former_keys.js";
import { followDownload } from "./host.js";
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
 * @param {{place: Place, space: RunSpace, view: View, change: Change, onCleared: () => void}} properties
 */
export function Matrix({ place, space, view, change, onCleared }) {
  const { of, search, states, sort, descending, flat, offset } = view;
  const { data, error, isLoading, reload } = usePolling(
    (signal) => getKeys(place, view, {}, signal),
    JSON.stringify([of, search, states, sort, descending, flat, offset]),
    ({ is_running }) => (is_running ? LIVE : ON_RETURN),
  );
  const selection = useSelection();
  const [wanted, setWanted] = useState(/** @type {import("wire").ClearingRequest | null} */ (null));
  const isBeyond = data !== null && !isLoading && offset > 0 && offset >= data.total;
  useEffect(() => {
    if (isBeyond) {
      change({ offset: 0 });
    }
  }, [isBeyond]);
  if (!data) {
    return error ? html`<${Failure} error=${error} />` : html`<${Loading} what="keys" />`;
  }
  const one = data.rows.some(({ children }) => children !== null) ? "outer key" : "key";
  const chosen = [...selection.chosen].map((id) => JSON.parse(id));
  const whenCleared = () => {
    selection.clear();
    reload();
    onCleared();
  };
  return html`
    <div class="toolbar">
      <${SearchBox} value=${search} label="Search keys" onSearch=${(/** @type {string} */ text) => change({ search: text, offset: 0 })} />
      <${StateChips} counts=${data.counts} chosen=${states} onChoose=${(/** @type {string[]} */ list) => change({ states: list, offset: 0 })} />
      <div class="actions">
        ${space.depth > 1 && html`<label class="check-label"><input type="checkbox" checked=${flat} onChange=${() => change({ flat: !flat, offset: 0 })} /> Flat list</label>`}
        <${ClearButtons}
          chosen=${chosen.length}
          failed=${failures(space.counts)}
          onChosen=${() => setWanted({ of, keys: chosen, state: null })}
          onFailed=${() => setWanted({ of, keys: [], state: "failed" })}
          onNone=${selection.clear}
        />
        <${Downloads} place=${place} of=${of} />
        ${data.is_running && html`<span class="live quiet"><i></i>Live</span>`}
        <${Pager} total=${data.total} offset=${offset} limit=${PAGE_SIZE} what=${one} onOffset=${(/** @type {number} */ to) => change({ offset: to })} />
      </div>
    </div>
    ${error && html`<${Failure} error=${error} />`}
    ${space.has_stale &&
    html`<${FormerKeys} place=${place} space=${space} title="Task instances of former keys" onCleared=${whenCleared}>
      The keys were listed again, and task instances that ran for other keys before have not run since. They are marked as <i>old key</i>.
    <//>`}
    <${Table} place=${place} data=${data} progress=${space.progress} view=${view} change=${change} isLoading=${isLoading} selection=${selection} />
    <${Spoken} text=${isLoading ? "" : `${several(data.total, one)}${search || states.length ? " found" : ""}`} />
    ${wanted && html`<${ClearDialog} place=${place} wanted=${wanted} onClose=${() => setWanted(null)} onCleared=${whenCleared} />`}
  `;
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

/** @param {{place: Place, of: string}} properties */
function Downloads({ place, of }) {
  const choices = /** @type {const} */ ([
    ["states", "csv"],
    ["states", "json"],
    ["metadata", "csv"],
    ["metadata", "json"],
  ]);
  const menu = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  const close = () => menu.current?.removeAttribute("open");
  const follow = (/** @type {MouseEvent} */ event) => {
    followDownload(event);
    close();
  };
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") {
      close();
      menu.current?.querySelector("summary")?.focus();
    }
  };
  const onBlur = (/** @type {FocusEvent} */ event) => menu.current?.contains(/** @type {Node} */ (event.relatedTarget)) || close();
  return html`<details class="menu" ref=${menu} onKeyDown=${onKey} onFocusOut=${onBlur}>
    <summary class="button"><${Picture} path="M8 2.5v8M4.5 7.5L8 11l3.5-3.5M3 13.5h10" /> <span class="word">Download</span></summary>
    <ul>
      ${choices.map(
        ([what, format]) => html`<li key=${what + format}>
          <a href=${exportHref(place, of, what, format)} download onClick=${follow}>${what === "states" ? "States" : "Metadata"} as ${format.toUpperCase()}</a>
        </li>`,
      )}
    </ul>
  </details>`;
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
  const ids = data.rows.map((row) => JSON.stringify(row.key_path));
  const chosenHere = ids.filter((id) => selection.chosen.has(id)).length;
  if (!data.rows.length) {
    return html`<${Notice} title="No key matches">
      ${view.search && html`Nothing contains “<${Cut} text=${view.search} />”. `}${view.states.length > 0 && "No key is in the selected states. "}
      <button type="button" class="plain-button" onClick=${() => change({ search: "", states: [], offset: 0 })}>Show all keys</button>
    <//>`;
  }
  return html`<div class="matrix-scroll" ref=${scroller}>
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
