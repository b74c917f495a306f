/**
 * A notice that clones ran for former keys, with a button that clears what has to run again.
 */

import { ClearDialog } from "./clear_dialog.js";
import { Notice } from "./parts.js";
import { html, useState } from "./vendor/preact.js";

/** @typedef {{of: string, lister: string}} Listed */

/**
 * Return the request to clear the task that lists the keys, with everything that depends on it.
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
