/**
 * The durations of the keys in each task: their distribution, and the keys that took far longer than the others.
 */

import { histogramOf, outliersOf, statisticsOf } from "./durations.js";
import { KeyText } from "./key_text.js";
import { several } from "./parts.js";
import { formatDuration } from "./time.js";
import { colourOf } from "./timeline_rows.js";
import { html } from "./vendor/preact.js";

/** @typedef {import("wire").Timeline} Timeline */

const BINS = 24;
const MOST_NAMED = 3;
const SIZE = { width: 168, height: 28 };

/** States in which a duration is final. */
const ENDED = ["success", "failed"];

/** @param {{timeline: Timeline, onKey: (name: string) => void}} properties */
export function DurationCards({ timeline, onKey }) {
  return html`<details class="duration-cards" open=${window.innerHeight > 480}>
    <summary>Durations by task</summary>
    <ul>
      ${timeline.tasks.map((times, task) => html`<${Card} key=${times.task_id} keys=${timeline.keys} times=${times} task=${task} onKey=${onKey} />`)}
    </ul>
  </details>`;
}

/** @param {{keys: string[][], times: Timeline["tasks"][number], task: number, onKey: (name: string) => void}} properties */
function Card({ keys, times, task, onKey }) {
  const ended = times.rows.map((_, at) => at).filter((at) => ENDED.includes(times.states[at] ?? "") && times.seconds[at] !== null);
  const seconds = ended.map((at) => times.seconds[at] ?? 0);
  const found = statisticsOf(seconds);
  const outliers = outliersOf(seconds);
  const nameOf = (/** @type {number} */ at) => (keys[times.rows[ended[at] ?? 0] ?? 0] ?? []).join("/");
  return html`<li class="duration-card">
    <h3><i class=${colourOf(task)}></i>${times.label}</h3>
    ${!found && html`<p class="quiet">No key has ended.</p>`}
    ${found &&
    html`<${Histogram} seconds=${seconds} task=${task} words=${`${several(found.count, "key")} between ${formatDuration(found.least)} and ${formatDuration(found.most)}`} />
      <p class="quiet">median <b>${formatDuration(found.median)}</b>, 90 % within <b>${formatDuration(found.ninety)}</b>, longest <b>${formatDuration(found.most)}</b></p>`}
    ${outliers.length > 0 &&
    html`<p class="outliers">
      <span class="quiet">Far longer:</span>
      ${outliers.slice(0, MOST_NAMED).map((at) => html`<button key=${at} type="button" class="plain-button" title="Show this key" onClick=${() => onKey(nameOf(at))}><${KeyText} text=${nameOf(at)} /> ${formatDuration(seconds[at])}</button>`)}
      ${outliers.length > MOST_NAMED && html`<span class="quiet">and ${outliers.length - MOST_NAMED} more</span>`}
    </p>`}
  </li>`;
}

/** @param {{seconds: number[], task: number, words: string}} properties */
function Histogram({ seconds, task, words }) {
  const counts = histogramOf(seconds, BINS);
  const most = Math.max(...counts);
  const width = SIZE.width / BINS;
  return html`<svg class="histogram" width=${SIZE.width} height=${SIZE.height} role="img" aria-label=${words}>
    <title>${words}</title>
    ${counts.map((count, at) => {
      const height = count ? Math.max(2, (count / most) * SIZE.height) : 0;
      return html`<rect key=${at} class=${colourOf(task)} x=${at * width} y=${SIZE.height - height} width=${width - 1} height=${height} />`;
    })}
  </svg>`;
}
