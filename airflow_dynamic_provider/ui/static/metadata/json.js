/**
 * JSON that can be folded.
 */

import { html, useState } from "../vendor/preact.js";
import { FoldedText } from "./scalars.js";

/** The number of entries that are shown at first, and added by each click. */
const STEP = 100;

/** The number of levels that are open at first, if they are small. */
const OPEN_LEVELS = 2;
const SMALL = 20;

/** @param {import("./list.js").Shown} properties */
export function JsonValue({ meta }) {
  return html`<div class="json"><${Node} value=${meta.value} name=${null} level=${0} /></div>`;
}

/** @param {{value: unknown, name: string | null, level: number}} properties */
function Node({ value, name, level }) {
  const entries = entriesOf(value);
  const [isOpen, setOpen] = useState(entries !== null && level < OPEN_LEVELS && entries.length <= SMALL);
  const [shown, setShown] = useState(STEP);
  const label = name !== null && html`<span class="json-name">${name}</span>: `;
  if (entries === null || !entries.length) {
    return html`<div class="json-line">${label}<${Scalar} value=${value} /></div>`;
  }
  return html`<details open=${isOpen} onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}>
    <summary>${label}<span class="quiet">${summaryOf(value)}</span></summary>
    ${isOpen && entries.slice(0, shown).map(([key, each]) => html`<${Node} key=${key} value=${each} name=${key} level=${level + 1} />`)}
    ${isOpen &&
    entries.length > shown &&
    html`<button type="button" class="plain-button" onClick=${() => setShown(shown + STEP)}>${(entries.length - shown).toLocaleString("en")} more</button>`}
  </details>`;
}

/** @param {{value: unknown}} properties */
function Scalar({ value }) {
  if (typeof value === "string") {
    return html`<span class="json-text"><${FoldedText} text=${JSON.stringify(value)} isCode=${true} /></span>`;
  }
  return html`<span class="json-${value === null ? "null" : typeof value}">${summaryOf(value)}</span>`;
}

/**
 * Return the entries of a value.
 *
 * @param {unknown} value
 * @returns {[string, unknown][] | null}  null for a scalar.
 */
export function entriesOf(value) {
  if (Array.isArray(value)) {
    return value.map((each, at) => [String(at), each]);
  }
  return value !== null && typeof value === "object" ? Object.entries(value) : null;
}

/**
 * Return a value in a few characters: "{3 keys}", "[1 item]".
 *
 * @param {unknown} value
 * @returns {string}
 */
export function summaryOf(value) {
  const entries = entriesOf(value);
  if (entries === null) {
    return JSON.stringify(value) ?? "";
  }
  const [open, close, one] = Array.isArray(value) ? ["[", "]", "item"] : ["{", "}", "key"];
  const count = entries.length;
  return count ? `${open}${count.toLocaleString("en")} ${one}${count === 1 ? "" : "s"}${close}` : open + close;
}
