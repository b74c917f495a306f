/**
 * Markdown that the server has rendered and sanitized.
 */

import { followLink } from "../host.js";
import { html } from "../vendor/preact.js";
import { TextValue } from "./scalars.js";

/** @param {import("./list.js").Shown} properties */
export function Markdown({ meta, place }) {
  if (meta.html === null) {
    return html`<${TextValue} meta=${meta} place=${place} />`;
  }
  // The only place where a page inserts markup. It comes from the server, which keeps only safe elements. If an unsafe
  // one remained, the page's Content-Security-Policy would still run only the package's own scripts.
  return html`<div class="markdown" onClick=${followInside} onAuxClick=${followInside} dangerouslySetInnerHTML=${{ __html: meta.html }}></div>`;
}

/**
 * Make links inside the markup lead out of the iframe, as all other links do.
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
