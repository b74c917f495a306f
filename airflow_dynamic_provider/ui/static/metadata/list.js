/**
 * Metadata: a row for each label, with its value as its kind is shown.
 */

import { Cut } from "../parts.js";
import { html } from "../vendor/preact.js";
import { JsonValue } from "./json.js";
import { LinkValue } from "./links.js";
import { Markdown } from "./markdown.js";
import { ImageValue } from "./image.js";
import { BoolValue, Moment, Nothing, NumberValue, TextValue } from "./scalars.js";
import { TableValue } from "./table.js";

/** @typedef {import("wire").Meta & {value: any}} Meta  The kind says which type the value has. */
/** @typedef {{meta: Meta, place: import("../address.js").Place}} Shown */

/** @type {Record<string, (shown: Shown) => unknown>} */
const KINDS = Object.assign(Object.create(null), {
  text: TextValue,
  path: TextValue,
  notebook: TextValue,
  url: LinkValue,
  dag_run: LinkValue,
  asset: LinkValue,
  python_artifact: LinkValue,
  json: JsonValue,
  md: Markdown,
  int: NumberValue,
  float: NumberValue,
  bool: BoolValue,
  timestamp: Moment,
  table: TableValue,
  image: ImageValue,
  null: Nothing,
});

/**
 * @param {Meta} meta
 * @returns {(shown: Shown) => unknown}
 */
function rendererOf({ kind, value, html: markup, is_cut: isCut }) {
  // A cut value is not a value of its kind: half an address is not a link.
  const isBeginning = isCut && typeof value === "string" && markup === null;
  return (isBeginning ? TextValue : KINDS[kind]) ?? JsonValue;
}

/**
 * @param {{metadata: Meta[], place: import("../address.js").Place, empty: string}} properties
 */
export function MetadataList({ metadata, place, empty }) {
  if (!metadata.length) {
    return html`<p class="quiet">${empty}</p>`;
  }
  return html`<dl class="metadata">
    ${metadata.map(
      (meta, at) => html`<div key=${at} class="metadata-row kind-${meta.kind in KINDS ? meta.kind : "unknown"}">
        <dt><${Cut} text=${meta.label} /><span class="kind">${meta.kind}</span></dt>
        <dd>
          <${rendererOf(meta)} meta=${meta} place=${place} />
          ${meta.is_cut && html`<p class="quiet cut-note">Only the beginning is shown.</p>`}
        </dd>
      </div>`,
    )}
  </dl>`;
}
