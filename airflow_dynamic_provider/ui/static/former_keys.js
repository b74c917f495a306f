/**
 * What to do where clones ran for other keys than there are now: a notice with the clear that mends it.
 */

import { ClearDialog } from "./clear_dialog.js";
import { Notice } from "./parts.js";
import { html, useState } from "./vendor/preact.js";

/** @typedef {{of: string, lister: string}} Listed */

/**
 * The task that lists the keys, with all that depends on it.
 *
 * @param {Listed} space
 * @returns {import("wire").ClearingRequest}
 */
export function listingOf({ of }) {
  return { of, keys: [], state: null, lister: true };
}

/**
 * @param {{place: import("./address.js").Place, space: Listed, title: string, onCleared: () => void, children?: unknown}} properties
 */
export function FormerKeys({ place, space, title, onCleared, children }) {
  const [isAsking, setIsAsking] = useState(false);
  return html`
    <${Notice} title=${title} tone="warning">
      ${children}
      <p><button type="button" class="button" onClick=${() => setIsAsking(true)}>Clear ${space.lister} with its downstream tasks</button></p>
    <//>
    ${isAsking &&
    html`<${ClearDialog} place=${place} wanted=${listingOf(space)} onClose=${() => setIsAsking(false)} onCleared=${onCleared} />`}
  `;
}
