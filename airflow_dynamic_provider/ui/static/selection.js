/**
 * The selected rows. The selection is kept when the data or the page changes.
 */

import { useState } from "./vendor/preact.js";

/**
 * @typedef {object} Selection
 * @property {ReadonlySet<string>} chosen
 * @property {(ids: string[], isChosen: boolean) => void} choose
 * @property {() => void} clear
 */

/** @returns {Selection} */
export function useSelection() {
  const [chosen, setChosen] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  return {
    chosen,
    choose: (ids, isChosen) => setChosen((before) => withAll(before, ids, isChosen)),
    clear: () => setChosen(new Set()),
  };
}

/**
 * @param {ReadonlySet<string>} before
 * @param {string[]} ids
 * @param {boolean} isChosen
 * @returns {ReadonlySet<string>}
 */
export function withAll(before, ids, isChosen) {
  const after = new Set(before);
  ids.forEach((id) => (isChosen ? after.add(id) : after.delete(id)));
  return after;
}
