/**
 * Metadata of one line, and longer text.
 */

import { viewersZone } from "../host.js";
import { formatMoment, formatUtc, zoneName } from "../time.js";
import { html } from "../vendor/preact.js";

/** @typedef {import("./list.js").Shown} Shown */

/** Longer text is folded. */
const SHORT = 600;

/** @param {Shown} properties */
export function TextValue({ meta }) {
  return html`<${FoldedText} text=${String(meta.value ?? "")} isCode=${meta.kind !== "text" && meta.kind !== "md"} />`;
}

/**
 * Text of any length: its beginning, and the rest on demand.
 *
 * @param {{text: string, isCode?: boolean}} properties
 */
export function FoldedText({ text, isCode = false }) {
  const name = isCode ? "whole is-code" : "whole";
  if (text.length <= SHORT) {
    return html`<span class=${name}>${text}</span>`;
  }
  return html`<details class="long">
    <summary><span class="cut">${text.slice(0, 200)}</span><span class="quiet">${text.length.toLocaleString("en")} characters</span></summary>
    <div class="long-text ${name}" tabindex="0">${text}</div>
  </details>`;
}

/** @param {Shown} properties */
export function NumberValue({ meta }) {
  const { value } = meta;
  return html`<span class="figure" title=${String(value)}>${typeof value === "number" ? value.toLocaleString("en", { maximumFractionDigits: 12 }) : String(value)}</span>`;
}

/** @param {Shown} properties */
export function BoolValue({ meta }) {
  return html`<span class="figure">${meta.value ? "true" : "false"}</span>`;
}

/** @param {Shown} _ */
export function Nothing(_) {
  return html`<span class="quiet">null</span>`;
}

/** @param {Shown} properties */
export function Moment({ meta }) {
  const zone = viewersZone();
  const moment = String(meta.value);
  return html`<time datetime=${moment} title=${formatUtc(moment)}>${formatMoment(moment, zone)} <span class="quiet">${zoneName(moment, zone)}</span></time>`;
}
