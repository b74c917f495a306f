/**
 * When the keys of a run ran, and how long they took.
 */

import { filterOf, getTimeline } from "./api.js";
import { DurationCards } from "./duration_cards.js";
import { Failure, Loading, Notice, SearchBox, several } from "./parts.js";
import { usePastDurations } from "./past_durations.js";
import { LIVE, ON_RETURN, usePolling } from "./polling.js";
import { rowsOf, spanOf } from "./timeline_order.js";
import { TimelineRows } from "./timeline_rows.js";
import { html, useCallback, useMemo, useRef } from "./vendor/preact.js";

/** @typedef {import("./address.js").View} View */

/** The times of thousands of keys are a large answer. */
const PAUSE = 5 * LIVE;

/** @type {readonly {order: import("./address.js").Order, label: string}[]} */
const CHOICES = Object.freeze([
  { order: "start", label: "Start" },
  { order: "duration", label: "Duration" },
  { order: "key", label: "Key" },
]);

/**
 * @param {{place: import("./address.js").Place, view: View, change: (part: Partial<View>) => void, switcher: unknown}} properties
 */
export function TimelineView({ place, view, change, switcher }) {
  const { of, search, order } = view;
  const { data, error } = usePolling(
    (signal) => getTimeline(place, view, signal),
    JSON.stringify([of, filterOf(view)]),
    ({ is_running }) => (is_running ? PAUSE : ON_RETURN),
  );
  const past = usePastDurations(place, of);
  const rows = useMemo(() => (data ? rowsOf(data, order, Date.now() / 1000) : []), [data, order]);
  const span = useMemo(() => spanOf(rows), [rows]);
  const latest = useRef(rows);
  latest.current = rows;
  const onVisible = useCallback(
    (/** @type {number} */ first, /** @type {number} */ last) => past.want(latest.current.slice(first, last).map(({ path }) => path)),
    [rows],
  );
  return html`
    <div class="toolbar">
      ${switcher}
      <${SearchBox} value=${search} label="Search keys" onSearch=${(/** @type {string} */ text) => change({ search: text, offset: 0 })} />
      <label class="select-label">Sort by
        <select value=${order} onChange=${(/** @type {any} */ event) => change({ order: event.target.value })}>
          ${CHOICES.map((each) => html`<option key=${each.order} value=${each.order}>${each.label}</option>`)}
        </select>
      </label>
      <div class="actions"><span class="quiet">${data && several(data.keys.length, "key")}</span></div>
    </div>
    ${error && html`<${Failure} error=${error} />`}
    ${!data && !error && html`<${Loading} what="the timeline" />`}
    ${data?.message && html`<${Notice}>${data.message}<//>`}
    ${data && !data.keys.length && html`<${Notice} title="No key matches">Change the search, or the states in the table.<//>`}
    ${data && data.keys.length > 0 && html`
      <${DurationCards} timeline=${data} onKey=${(/** @type {string} */ name) => change({ search: name })} />
      <${TimelineRows} place=${place} rows=${rows} tasks=${data.tasks} span=${span} past=${past} onVisible=${onVisible} />
    `}
  `;
}
