/**
 * The view that the viewer has chosen, kept in the address.
 */

import { fragmentOf, viewOf } from "./address.js";
import { readFragment, writeFragment } from "./host.js";
import { useCallback, useState } from "./vendor/preact.js";

/** @typedef {import("./address.js").View} View */

/** @returns {[View, (part: Partial<View>) => void]}  The view, and what changes a part of it. */
export function useView() {
  const [view, setView] = useState(() => viewOf(readFragment()));
  const change = useCallback((/** @type {Partial<View>} */ part) => {
    setView((before) => {
      const after = { ...before, ...part };
      writeFragment(fragmentOf(after));
      return after;
    });
  }, []);
  return [view, change];
}
