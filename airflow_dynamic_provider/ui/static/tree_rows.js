/**
 * The rows of the matrix: a key, or a folded row with the nested keys below it.
 */

import { getKeys, PAGE_SIZE } from "./api.js";
import { instanceHref } from "./address.js";
import { viewersZone } from "./host.js";
import { KeyDetails } from "./key_details.js";
import { KeyText } from "./key_text.js";
import { Failure, formatCount, Link, Loading, Picture, several, StateBar, StateSquare } from "./parts.js";
import { plainValue } from "./metadata_filter.js";
import { LIVE, ON_RETURN, usePolling } from "./polling.js";
import { nameOf, wordsOf } from "./states.js";
import { summaryCells, widthOf } from "./summary_columns.js";
import { formatDuration, formatMoment, secondsSince } from "./time.js";
import { html, useState } from "./vendor/preact.js";

/** @typedef {import("wire").Cell} Cell */
/** @typedef {import("wire").Column} Column */
/** @typedef {import("wire").Row} Row */
/** @typedef {import("./address.js").Place} Place */
/** @typedef {import("./address.js").View} View */
/**
 * @typedef {object} RowProperties
 * @property {Place} place
 * @property {Row} row
 * @property {View} view
 * @property {(part: Partial<View>) => void} change
 * @property {Column[]} columns
 * @property {import("./selection.js").Selection} selection
 * @property {number} level
 * @property {number} [index]  Its number in the whole table, for screen readers.
 * @property {boolean} isLive  Whether the run has not ended.
 */

/** @param {RowProperties} properties */
export function TreeRow(properties) {
  return properties.row.children === null ? html`<${Leaf} ...${properties} />` : html`<${Folded} ...${properties} />`;
}

/** @param {RowProperties} properties */
function Leaf({ place, row, view, change, columns, selection, level, index }) {
  const id = JSON.stringify(row.key_path);
  const isOpen = view.open.includes(id);
  const isChosen = selection.has(id);
  const name = level ? row.key_path.slice(level).join("/") : row.key;
  return html`<tr class=${isChosen ? "is-chosen" : ""} aria-selected=${isChosen ? "true" : "false"} aria-rowindex=${index}>
      <th class="key-column" scope="row">
        <div class="key-cell level-${Math.min(level, 6)}">
          <input type="checkbox" data-stop aria-label=${`Select ${row.key}`} checked=${isChosen} onChange=${() => selection.choose([id], !isChosen)} />
          <button type="button" class="key-button" data-stop aria-expanded=${isOpen ? "true" : "false"} title=${row.key} onClick=${() => change({ open: toggled(view.open, id) })}>
            <${Picture} path=${isOpen ? "M4 6l4 4l4-4" : "M6 4l4 4l-4 4"} size=${12} />
            <${KeyText} text=${name} title=${row.key} />
          </button>
        </div>
      </th>
      ${summaryCells(row)}
      ${view.column && html`<td class="number">${plainValue(row.metadatum)}</td>`}
      ${columns.map(({ task_id }) => html`<td key=${task_id}><${CellLink} place=${place} cell=${row.cells[task_id] ?? null} name=${row.key} /></td>`)}
    </tr>
    ${isOpen && html`<tr class="details"><td colspan=${widthOf(columns, view.column)}><${KeyDetails} place=${place} of=${view.of} row=${row} /></td></tr>`}`;
}

/** @param {RowProperties} properties */
function Folded(properties) {
  const { row, view, change, columns, selection, level, index } = properties;
  const id = JSON.stringify(row.key_path);
  const isOpen = view.open.includes(id);
  const isChosen = selection.has(id);
  return html`<tr class=${isChosen ? "folded is-chosen" : "folded"} aria-selected=${isChosen ? "true" : "false"} aria-rowindex=${index}>
      <th class="key-column" scope="row">
        <div class="key-cell level-${Math.min(level, 6)}">
          <input type="checkbox" data-stop aria-label=${`Select all keys of ${row.key}`} disabled=${!row.children} checked=${isChosen} onChange=${() => selection.choose([id], !isChosen)} />
          <button type="button" class="key-button" data-stop aria-expanded=${isOpen ? "true" : "false"} title=${row.key} onClick=${() => change({ open: toggled(view.open, id) })}>
            <${Picture} path=${isOpen ? "M4 6l4 4l4-4" : "M6 4l4 4l-4 4"} size=${12} />
            <${KeyText} text=${row.key_path.at(-1) ?? row.key} title=${row.key} />
          </button>
        </div>
      </th>
      ${summaryCells(row)}
      <td colspan=${Math.max(1, columns.length) + (view.column ? 1 : 0)}>
        <span class="folded-counts"><span class="quiet">${several(row.children ?? 0, "key")}</span><${StateBar} counts=${row.counts} /></span>
      </td>
    </tr>
    ${isOpen && html`<${Children} ...${properties} />`}`;
}

/** @param {RowProperties} properties */
function Children(properties) {
  const { place, row, view, columns, level, isLive } = properties;
  const [limit, setLimit] = useState(PAGE_SIZE);
  const { data, error, reload } = usePolling(
    (signal) => getKeys(place, view, { parent: row.key_path, limit }, signal),
    // It asks for these keys alone. A run that is over may run again after a clear, which the matrix notices.
    JSON.stringify([view.of, view.sort, view.descending, row.key_path, limit, isLive]),
    ({ is_running }) => (is_running ? LIVE : ON_RETURN),
  );
  const wide = (/** @type {unknown} */ content) => html`<tr class="details"><td colspan=${widthOf(columns, view.column)}>${content}</td></tr>`;
  if (!data) {
    return wide(error ? html`<${Failure} error=${error} />` : html`<${Loading} what="keys" />`);
  }
  return html`
    ${error && wide(html`<${Failure} error=${error} /> <button type="button" class="plain-button" onClick=${reload}>Try again</button>`)}
    ${data.rows.map((child) => html`<${TreeRow} key=${JSON.stringify(child.key_path)} ...${properties} row=${child} level=${level + 1} index=${undefined} />`)}
    ${data.total > data.rows.length &&
    wide(html`<button type="button" class="plain-button" data-stop onClick=${() => setLimit(limit + PAGE_SIZE)}>
      Show more of ${formatCount(data.total)} keys below ${row.key}
    </button>`)}
  `;
}

/** @param {{place: Place, cell: Cell | null, name: string}} properties */
function CellLink({ place, cell, name }) {
  if (!cell) {
    return html`<span class="cell is-absent" title="There is no task instance yet">–</span>`;
  }
  const time = formatDuration(secondsOf(cell));
  return html`<${Link}
    href=${instanceHref(place, cell.task_id, cell.map_index)}
    class=${`cell is-${nameOf(cell.state)}${cell.is_stale ? " is-stale" : ""}`}
    data-stop
    title=${titleOf(cell, name)}
  >
    <${StateSquare} state=${cell.state} />
    <span class="visually-hidden">${cell.task_id}: ${wordsOf(cell.state)}${time && ", "}</span>
    <span class=${time ? "cell-text" : "cell-text is-word"} aria-hidden=${time ? undefined : "true"}>${time || wordsOf(cell.state).toLowerCase()}</span>
    ${cell.try_number > 1 && html`<span class="tries">×${cell.try_number}</span>`}
    ${cell.from_run && html`<span class="kept-mark">kept</span>`}
    ${cell.is_stale && html`<span class="stale-mark">old key</span>`}
  <//>`;
}

/**
 * Return the seconds that a task instance has run; null in other states, whose duration may be that of an earlier try.
 *
 * @param {Cell} cell
 * @returns {number | null}
 */
function secondsOf({ state, duration, start_date: start }) {
  if (state === "running") {
    return secondsSince(start, Date.now());
  }
  return state === "success" || state === "failed" ? duration : null;
}

/**
 * @param {Cell} cell
 * @param {string} name
 */
function titleOf(cell, name) {
  const zone = viewersZone();
  return [
    `${cell.task_id} [${name.slice(0, 300)}]`,
    `State: ${wordsOf(cell.state)}`,
    secondsOf(cell) !== null && `Duration: ${formatDuration(secondsOf(cell))}`,
    cell.try_number > 1 && `Try: ${cell.try_number}`,
    cell.start_date && `Started: ${formatMoment(cell.start_date, zone)}`,
    cell.end_date && `Ended: ${formatMoment(cell.end_date, zone)}`,
    cell.error,
    cell.reason,
    cell.from_run && `Result of the run ${cell.from_run}`,
    cell.is_stale && "It ran for another key. The keys have been listed again since.",
  ]
    .filter(Boolean)
    .join("\n");
}

/**
 * @param {string[]} open
 * @param {string} id
 */
function toggled(open, id) {
  return open.includes(id) ? open.filter((each) => each !== id) : [...open, id];
}
