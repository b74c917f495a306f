/**
 * Metadata: a label a row, and its value as its kind is shown.
 */

import { Cut } from "../parts.js";
import { html } from "../vendor/preact.js";
import { JsonValue } from "./json.js";
import { LinkValue } from "./links.js";
import { Markdown } from "./markdown.js";
import { ImageValue } from "./image.js";
import { BoolValue, Moment, Nothing, NumberValue, TextValue } from "./scalars.js";
import { TableValue } from "./table.js";

/** @typedef {import("../api.js").Meta} Meta */
/** @typedef {{meta: Meta, place: import("../address.js").Place}} Shown */

/** @type {Record<string, (shown: Shown) => unknown>} */
const KINDS = {
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
};

/**
 * @param {{metadata: Meta[], place: import("../address.js").Place, empty: string}} properties
 */
export function MetadataList({ metadata, place, empty }) {
  if (!metadata.length) {
    return html`<p class="quiet">${empty}</p>`;
  }
  return html`<dl class="metadata">
    ${metadata.map(
      (meta, at) => html`<div key=${at} class="metadata-row kind-${Object.hasOwn(KINDS, meta.kind) ? meta.kind : "unknown"}">
        <dt><${Cut} text=${meta.label} /><span class="kind">${meta.kind}</span></dt>
        <dd>
          <${Object.hasOwn(KINDS, meta.kind) ? KINDS[meta.kind] : JsonValue} meta=${meta} place=${place} />
          ${meta.is_cut && html`<p class="quiet cut-note">Cut: only its beginning is shown.</p>`}
        </dd>
      </div>`,
    )}
  </dl>`;
}
