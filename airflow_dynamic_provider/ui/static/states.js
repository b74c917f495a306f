/**
 * The states of task instances: their order, names and pictures. Their colours are in css/states.css.
 */

/** @typedef {import("wire").Cell["state"]} State  Airflow's name of a state; null for no status yet. */

/** From the states that need attention to those that are done. The server sorts in the same order. */
export const STATES = Object.freeze([
  "failed",
  "upstream_failed",
  "up_for_retry",
  "restarting",
  "running",
  "deferred",
  "awaiting_input",
  "up_for_reschedule",
  "queued",
  "scheduled",
  "none",
  "removed",
  "skipped",
  "success",
]);

/** Strokes in a box of 16 by 16. A state is never shown by its colour alone. */
const PICTURES = Object.freeze({
  success: "M3.5 8.5l3 3 6-7",
  failed: "M4.5 4.5l7 7M11.5 4.5l-7 7",
  upstream_failed: "M8 13V4M4 7.5l4-4 4 4",
  up_for_retry: "M4 6h5.5a3 3 0 0 1 0 6H6M6.5 3.5L4 6l2.5 2.5",
  up_for_reschedule: "M3.5 4.5h9v8h-9zM3.5 7.5h9M6 3v2.5M10 3v2.5",
  restarting: "M8 3v5M5 5a4.2 4.2 0 1 0 6 0",
  running: "M13 8a5 5 0 1 1-1.6-3.7M13 2v3h-3",
  deferred: "M6 4v8M10 4v8",
  awaiting_input: "M8 8a2.2 2.2 0 1 0 0-4.4A2.2 2.2 0 0 0 8 8zM3.5 13.5a4.5 4.5 0 0 1 9 0",
  queued: "M4 5h8M4 8h8M4 11h5",
  scheduled: "M8 3a5 5 0 1 1 0 10A5 5 0 0 1 8 3zM8 5.5V8l2 1.5",
  none: "M8 7v2M4 7v2M12 7v2",
  removed: "M4 8h8",
  skipped: "M4 4l5 4-5 4zM12 4v8",
});

/** @typedef {keyof typeof PICTURES} StateName */

/**
 * Return the name under which a state is counted and coloured: "none" for no status and for unknown states.
 *
 * @param {State | undefined} state
 * @returns {StateName}
 */
export function nameOf(state) {
  return state && Object.hasOwn(PICTURES, state) ? /** @type {StateName} */ (state) : "none";
}

/**
 * Return a state in words, as Airflow writes it.
 *
 * @param {State | undefined} state
 * @returns {string}
 */
export function wordsOf(state) {
  if (!state || state === "none") {
    return "No Status";
  }
  return state.replace(/(^|_)([a-z])/g, (_, gap, letter) => (gap ? " " : "") + letter.toUpperCase());
}

/**
 * Return the strokes of a state's picture.
 *
 * @param {State | undefined} state
 * @returns {string}
 */
export function pictureOf(state) {
  return PICTURES[nameOf(state)];
}

/**
 * Return the counts by state from what needs attention most, without zeros.
 *
 * @param {Record<string, number>} counts
 * @returns {[string, number][]}
 */
export function inOrder(counts) {
  const rank = (/** @type {string} */ name) => {
    const found = STATES.indexOf(name);
    return found < 0 ? STATES.length : found;
  };
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b));
}

/**
 * Return whether a Dag run in this state has ended.
 *
 * @param {State} state
 */
export function isOver(state) {
  return state === "success" || state === "failed";
}
