/**
 * The columns of the matrix that summarize a row, between its key and the tasks. The header and all kinds of rows use this list.
 */

import { StateBadge } from "./parts.js";
import { formatDuration } from "./time.js";
import { html } from "./vendor/preact.js";

/** @typedef {import("wire").Row} Row */
/**
 * @typedef {object} SummaryColumn
 * @property {import("./address.js").Sort} sort  The server's name for sorting by this column.
 * @property {string} label
 * @property {boolean} isNumber
 * @property {(row: Row) => unknown} show
 */

/** @type {readonly SummaryColumn[]} */
export const SUMMARY_COLUMNS = Object.freeze([
  { sort: "state", label: "State", isNumber: false, show: ({ state }) => html`<${StateBadge} state=${state} />` },
  { sort: "duration", label: "Duration", isNumber: true, show: ({ duration }) => formatDuration(duration) },
]);

/**
 * Return the cells of these columns in a row.
 *
 * @param {Row} row
 */
export function summaryCells(row) {
  return SUMMARY_COLUMNS.map((column) => html`<td key=${column.sort} class=${classOf(column)}>${column.show(row)}</td>`);
}

/**
 * Return the number of columns of a row, including its key.
 *
 * @param {readonly unknown[]} tasks
 * @param {string} column  The label of the metadata entry that has a column; empty if none has.
 */
export function widthOf(tasks, column) {
  return 1 + SUMMARY_COLUMNS.length + (column ? 1 : 0) + tasks.length;
}

/** @param {SummaryColumn} column */
export function classOf({ isNumber }) {
  return isNumber ? "summary-column number" : "summary-column";
}
