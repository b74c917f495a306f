/**
 * How long a node of a workflow ran, and how long it waited before for the nodes that it needs.
 */

import { formatDuration } from "./time.js";

/** A shorter wait is not worth a word. */
const LEAST = 0.5;

/**
 * @param {Pick<import("wire").Node, "duration" | "waited">} node
 * @returns {string}  "2.1s", "ran 2.1s, waited 9m 40s"; empty if it has not ended.
 */
export function timesOf({ duration, waited }) {
  if (duration === null || waited === null || waited < LEAST) {
    return formatDuration(duration);
  }
  return `ran ${formatDuration(ranOf({ duration, waited }))}, waited ${formatDuration(waited)}`;
}

/**
 * @param {Pick<import("wire").Node, "duration" | "waited">} node
 * @returns {number | null}  Seconds.
 */
export function ranOf({ duration, waited }) {
  return duration === null ? null : Math.max(0, duration - (waited ?? 0));
}
