/**
 * The timeline of a run: a row for each key, with a bar for the time that it took in each task.
 */

import { instanceHref } from "./address.js";
import { KeyText } from "./key_text.js";
import { Link } from "./parts.js";
import { PastBars } from "./past_durations.js";
import { nameOf, wordsOf } from "./states.js";
import { formatDuration } from "./time.js";
import { html } from "./vendor/preact.js";
import { VirtualRows } from "./virtual_rows.js";

/** @typedef {import("wire").Timeline} Timeline */
/** @typedef {import("./timeline_order.js").TimelineRow} TimelineRow */
/** @typedef {{start: number, end: number}} Span  Seconds since 1970. */

/** The height of a row in pixels, as the style sheet has it. */
const HEIGHT = 24;

/** The height of all lanes of bars in a row, in pixels, with a pixel between two. */
const BARS = 16;

/** The number of colours of tasks. */
const COLOURS = 5;

/**
 * The class of the colour of a bar: that of its task if it succeeded, else that of its state.
 *
 * @param {number} task
 * @param {string | null} [state]
 */
export function colourOf(task, state = "success") {
  return state === "success" ? `task-colour-${(task % COLOURS) + 1}` : `is-${nameOf(state)}`;
}

/**
 * @param {{place: import("./address.js").Place, rows: TimelineRow[], tasks: Timeline["tasks"], span: Span, past: import("./past_durations.js").Past, onVisible: (first: number, last: number) => void}} properties
 */
export function TimelineRows({ place, rows, tasks, span, past, onVisible }) {
  const row = (/** @type {number} */ at) => {
    const each = /** @type {TimelineRow} */ (rows[at]);
    return html`<div class="time-row">
      <${KeyText} text=${each.name} />
      <div class="time-bars">
        ${each.bars.map(
          (bar) => html`<${Link}
            key=${bar.task}
            href=${instanceHref(place, tasks[bar.task]?.task_id ?? "", bar.mapIndex)}
            class=${`time-bar ${colourOf(bar.task, bar.state)}`}
            tabindex="-1"
            style=${placed(bar, each.lanes, span)}
            title=${`${tasks[bar.task]?.label} [${each.name.slice(0, 300)}]\n${wordsOf(bar.state)}: ${formatDuration(bar.seconds)}\nbegan ${formatDuration(bar.start - span.start)} after the first`}
            aria-label=${`${tasks[bar.task]?.label}: ${wordsOf(bar.state)}, ${formatDuration(bar.seconds)}`}
          ><//>`,
        )}
      </div>
      <span class="number">${formatDuration(each.bars.length ? each.seconds : null)}</span>
      <${PastBars} seconds=${each.bars.length ? each.seconds : null} past=${past.of(each.path)} />
    </div>`;
  };
  return html`<div class="timeline">
    <div class="time-row time-head">
      <span>Key</span>
      <div class="time-bars">
        ${ticksOf(span).map((tick) => html`<span key=${tick} class="time-tick" style=${{ left: `${(tick / (span.end - span.start)) * 100}%` }}>${tick ? `+${formatDuration(tick)}` : "0s"}</span>`)}
      </div>
      <span class="number">Duration</span>
      <span>Last runs</span>
    </div>
    <${VirtualRows} count=${rows.length} height=${HEIGHT} label="Keys over time" render=${row} onVisible=${onVisible} />
  </div>`;
}

/**
 * @param {import("./timeline_order.js").Bar} bar
 * @param {number} lanes
 * @param {Span} span
 */
function placed({ start, seconds, lane }, lanes, span) {
  const whole = span.end - span.start;
  const height = (BARS - (lanes - 1)) / lanes;
  return {
    left: `${((start - span.start) / whole) * 100}%`,
    width: `${(seconds / whole) * 100}%`,
    top: `${(HEIGHT - BARS) / 2 + lane * (height + 1)}px`,
    height: `${height}px`,
  };
}

/**
 * Return the seconds after the start at which the axis has a mark: round numbers, at most eight.
 *
 * @param {Span} span
 * @returns {number[]}
 */
export function ticksOf({ start, end }) {
  const whole = end - start;
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];
  const step = steps.find((each) => whole / each <= 7) ?? Math.ceil(whole / 7 / 86400) * 86400;
  return Array.from({ length: Math.floor(whole / step) + 1 }, (_, number) => number * step).filter((tick) => tick < whole * 0.96);
}
