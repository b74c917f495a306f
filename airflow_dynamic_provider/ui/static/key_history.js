/**
 * One key over the last runs: a bar for each run, as high as the key took, in the colour of its state.
 */

import { runHref } from "./address.js";
import { getKeyHistory } from "./api.js";
import { viewersZone } from "./host.js";
import { Link } from "./parts.js";
import { usePolling } from "./polling.js";
import { nameOf, wordsOf } from "./states.js";
import { formatDuration, formatMoment } from "./time.js";
import { html } from "./vendor/preact.js";

/** @typedef {import("wire").KeyInRun} KeyInRun */

/** Pixels of the longest bar, and of the shortest. */
const HIGHEST = 32;
const LOWEST = 4;

/**
 * @param {{place: import("./address.js").Place, of: string, path: string[]}} properties
 */
export function KeyHistory({ place, of, path }) {
  const { data } = usePolling((signal) => getKeyHistory(place, of, path, signal), JSON.stringify([of, path]), () => null);
  if (!data || data.runs.length < 2) {
    return null;
  }
  const longest = Math.max(...data.runs.map(({ duration }) => duration ?? 0), 0.001);
  return html`<div class="key-history">
    <ul aria-label="This key in the last runs">
      ${data.runs.map((past) => html`<${Bar} key=${past.run.run_id} place=${place} past=${past} height=${LOWEST + (HIGHEST - LOWEST) * ((past.duration ?? 0) / longest)} />`)}
    </ul>
    <span class="quiet">The last ${data.runs.length} runs${longest > 0.001 ? `, at most ${formatDuration(longest)}` : ""}</span>
  </div>`;
}

/** @param {{place: import("./address.js").Place, past: KeyInRun, height: number}} properties */
function Bar({ place, past, height }) {
  const { run, is_there: isThere, state, duration } = past;
  const moment = run.logical_date ?? run.start_date;
  const when = moment ? formatMoment(moment, viewersZone()) : run.run_id;
  const words = isThere ? `${wordsOf(state)}${duration === null ? "" : `, ${formatDuration(duration)}`}` : "This run has no such key";
  const isThis = run.run_id === place.runId;
  return html`<li><${Link}
    href=${runHref(place, place.dagId, run.run_id)}
    class=${`history-bar${isThere ? ` is-${nameOf(state)}` : " is-absent"}${isThis ? " is-this" : ""}`}
    title=${`${when}${isThis ? " (this run)" : ""}\n${words}`}
    aria-label=${`${when}: ${words}`}
  ><i style=${{ height: `${height}px` }}></i><//></li>`;
}
