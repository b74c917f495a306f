/**
 * Markdown, which the server has rendered and sanitised.
 */

import { followLink } from "../host.js";
import { html } from "../vendor/preact.js";
import { TextValue } from "./scalars.js";

/** @param {import("./list.js").Shown} properties */
export function Markdown({ meta, place }) {
  if (meta.html === null) {
    return html`<${TextValue} meta=${meta} place=${place} />`;
  }
  // The one place where a page takes markup: from the server, which leaves only harmless elements in it. Were one
  // left, the Content-Security-Policy of the page runs no script that is not a file of ours.
  return html`<div class="markdown" onClick=${followInside} onAuxClick=${followInside} dangerouslySetInnerHTML=${{ __html: meta.html }}></div>`;
}

/**
 * Links that stand in the markup lead out of the iframe as all others do.
 *
 * @param {MouseEvent} event
 */
function followInside(event) {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (link instanceof HTMLAnchorElement && event.button < 2) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    followLink(event, link);
  }
}
