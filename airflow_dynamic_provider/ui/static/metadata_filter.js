/**
 * The filter by metadata, and the metadata entry that is shown as a column.
 */

import { Picture } from "./parts.js";
import { html, useEffect, useState } from "./vendor/preact.js";

/** @typedef {import("./address.js").View} View */

/**
 * @param {{view: View, change: (part: Partial<View>) => void, onClose: () => void}} properties
 */
export function MetadataFilter({ view, change, onClose }) {
  const [where, setWhere] = useState(view.where);
  const [column, setColumn] = useState(view.column);
  useEffect(() => {
    setWhere(view.where);
    setColumn(view.column);
  }, [view.where, view.column]);
  const apply = (/** @type {Event} */ event) => {
    event.preventDefault();
    change({ where: where.trim(), column: column.trim(), offset: 0, ...(column.trim() ? {} : unsorted(view)) });
  };
  const leave = () => {
    change({ where: "", column: "", offset: 0, ...unsorted(view) });
    onClose();
  };
  return html`<form class="metadata-filter" onSubmit=${apply} aria-label="Filter by metadata">
    <label>
      <span>Metadata</span>
      <input class="is-code" value=${where} placeholder="size > 10_000_000 and kind = csv" maxlength="500" autofocus spellcheck=${false} onInput=${(/** @type {any} */ event) => setWhere(event.target.value)} />
    </label>
    <label>
      <span>Show as column</span>
      <input class="is-code is-short" value=${column} placeholder="size" maxlength="250" spellcheck=${false} onInput=${(/** @type {any} */ event) => setColumn(event.target.value)} />
    </label>
    <button type="submit" class="button">Apply</button>
    <button type="button" class="icon-button" aria-label="Remove the filter by metadata" title="Remove the filter by metadata" onClick=${leave}><${Picture} path="M4 4l8 8M12 4l-8 8" /></button>
  </form>`;
}

/**
 * Return what restores the order of production, if the rows are sorted by the column that goes away.
 *
 * @param {View} view
 */
export function unsorted({ sort }) {
  return sort === "metadatum" ? { sort: /** @type {const} */ ("position"), descending: false } : {};
}

/**
 * Return a value of metadata as a cell shows it.
 *
 * @param {unknown} value
 */
export function plainValue(value) {
  return value === null || value === undefined ? "" : typeof value === "number" ? value.toLocaleString("en", { maximumFractionDigits: 6 }) : String(value);
}
