/**
 * The selected rows. The selection is kept when the data or the page changes.
 */

import { useState } from "./vendor/preact.js";

/**
 * @typedef {object} Selection
 * @property {ReadonlySet<string>} chosen
 * @property {boolean} isAll  Whether all keys that match are selected, also those on other pages.
 * @property {(id: string) => boolean} has
 * @property {() => void} chooseAll
 * @property {(ids: string[], isChosen: boolean) => void} choose
 * @property {() => void} clear
 */

/**
 * @param {string} [filter]  What selects the matching keys. When it changes, they are others, and not selected any more.
 * @returns {Selection}
 */
export function useSelection(filter = "") {
  const [all, setAll] = useState(/** @type {string | null} */ (null));
  const [chosen, setChosen] = useState(/** @type {ReadonlySet<string>} */ (new Set()));
  const isAll = all === filter;
  return {
    chosen,
    isAll,
    has: (id) => isAll || chosen.has(id),
    choose: (ids, isChosen) => {
      setAll(null);
      setChosen((before) => withAll(before, ids, isChosen));
    },
    chooseAll: () => {
      setChosen(new Set());
      setAll(filter);
    },
    clear: () => {
      setAll(null);
      setChosen(new Set());
    },
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
