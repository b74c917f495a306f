/**
 * Pictures: inline if the metadata contains them, else as a link.
 */

import { inlineImage } from "../address.js";
import { html } from "../vendor/preact.js";
import { Address } from "./links.js";
import { FoldedText } from "./scalars.js";

/** @param {import("./list.js").Shown} properties */
export function ImageValue({ meta }) {
  const source = meta.value?.source;
  const alt = String(meta.value?.alt ?? "");
  const inline = inlineImage(source);
  if (inline !== null) {
    return html`<img class="picture-value" src=${inline} alt=${alt} title=${alt} />`;
  }
  if (!source) {
    return html`<span class="quiet">${alt ? `${alt}: a` : "A"} picture too large to be shown</span>`;
  }
  return html`${alt && html`<${FoldedText} text=${alt} /> `}<${Address} address=${String(source ?? "")} />`;
}
