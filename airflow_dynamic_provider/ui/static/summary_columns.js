/**
 * The columns of the matrix that sum up a row, between its key and the tasks. The header and all kinds of rows are made by this list.
 */

import { StateBadge } from "./parts.js";
import { formatDuration } from "./time.js";
import { html } from "./vendor/preact.js";

/** @typedef {import("wire").Row} Row */
/**
 * @typedef {object} SummaryColumn
 * @property {import("./address.js").Sort} sort  By what the server sorts the rows for it.
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
 * Their cells in a row.
 *
 * @param {Row} row
 */
export function summaryCells(row) {
  return SUMMARY_COLUMNS.map((column) => html`<td key=${column.sort} class=${classOf(column)}>${column.show(row)}</td>`);
}

/**
 * How many columns a row has, with that of the key.
 *
 * @param {readonly unknown[]} tasks
 */
export function widthOf(tasks) {
  return 1 + SUMMARY_COLUMNS.length + tasks.length;
}

/** @param {SummaryColumn} column */
export function classOf({ isNumber }) {
  return isNumber ? "summary-column number" : "summary-column";
}
