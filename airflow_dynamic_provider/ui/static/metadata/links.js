/**
 * Metadata that refers to something: an address, a run, an asset, a function.
 */

import { runHref, safeLink } from "../address.js";
import { Link } from "../parts.js";
import { html } from "../vendor/preact.js";
import { FoldedText } from "./scalars.js";

/** @param {import("./list.js").Shown} properties */
export function LinkValue({ meta, place }) {
  const { kind, value } = meta;
  switch (kind) {
    case "url":
      return html`<${Address} address=${String(value)} />`;
    case "dag_run":
      return html`<${Link} href=${runHref(place, String(value?.dag_id), String(value?.run_id))}>${value?.dag_id} · ${value?.run_id}<//>`;
    case "asset":
      return html`<span class="whole">${value?.name}</span>${value?.uri !== value?.name && html` <${Address} address=${String(value?.uri)} />`}`;
    default:
      return html`<code class="whole">${value?.module}.${value?.name}</code>`;
  }
}

/**
 * A link if it is safe to click, else text.
 *
 * @param {{address: string, text?: string}} properties
 */
export function Address({ address, text = address }) {
  const href = safeLink(address);
  if (href === null) {
    return html`<${FoldedText} text=${address} isCode=${true} />`;
  }
  return html`<${Link} href=${href} isForeign=${true} class="whole" title=${address.slice(0, 1000)}>${text.slice(0, 500)}<//>`;
}
