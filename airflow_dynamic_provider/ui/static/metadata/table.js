/**
 * Tables with named columns.
 */

import { html } from "../vendor/preact.js";

/** @param {import("./list.js").Shown} properties */
export function TableValue({ meta }) {
  /** @type {string[]} */
  const columns = meta.value?.columns ?? [];
  /** @type {Record<string, unknown>[]} */
  const rows = meta.value?.rows ?? [];
  return html`<div class="table-value" tabindex="0" role="region" aria-label=${meta.label}>
    <table>
      <thead><tr>${columns.map((name) => html`<th key=${name} scope="col">${name}</th>`)}</tr></thead>
      <tbody>
        ${rows.map(
          (row, at) => html`<tr key=${at}>
            ${columns.map((name) => html`<td key=${name} class=${typeof row[name] === "number" ? "number" : ""}>${textOf(row, name)}</td>`)}
          </tr>`,
        )}
      </tbody>
    </table>
    ${rows.length === 0 && html`<p class="quiet">No rows.</p>`}
  </div>`;
}

/**
 * @param {Record<string, unknown>} row
 * @param {string} name
 */
function textOf(row, name) {
  const value = Object.hasOwn(row, name) ? row[name] : null;
  return value === null || value === undefined ? "" : String(value);
}
