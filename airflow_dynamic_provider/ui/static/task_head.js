/**
 * The heading of a task in the matrix: its name, how far its keys are, and when they will have ended.
 */

import { Cut, formatCount, StateBar } from "./parts.js";
import { html } from "./vendor/preact.js";

/** @typedef {import("wire").TaskProgress} TaskProgress */

/** @param {{column: import("wire").Column, progress: TaskProgress | undefined}} properties */
export function TaskHead({ column, progress }) {
  return html`<div class="task-head">
    <${Cut} text=${column.label} title=${column.task_id} />
    ${progress && html`<${StateBar} counts=${progress.counts} />`}
    ${progress?.left && html`<${Estimate} progress=${progress} left=${progress.left} />`}
  </div>`;
}

/** @param {{progress: TaskProgress, left: string}} properties */
function Estimate({ progress, left }) {
  const words = `${progress.summary}. ${progress.rate}, ${left}, ${progress.basis}.`;
  return html`<span class="estimate" title=${words}>${doneOf(progress.counts)} · ${left}</span>`;
}

/**
 * Return how many keys have ended, of how many: "12/40".
 *
 * @param {Record<string, number>} counts
 */
export function doneOf(counts) {
  const all = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const ended = ["success", "skipped", "removed", "failed", "upstream_failed"].reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return `${formatCount(ended)}/${formatCount(all)}`;
}
