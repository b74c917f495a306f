/**
 * The last runs of each key, as strips of squares.
 */

import { instanceHref, runHref } from "./address.js";
import { getHistory, PAGE_SIZE } from "./api.js";
import { viewersZone } from "./host.js";
import { KeyText } from "./key_text.js";
import { Cut, Failure, Link, Loading, Notice, Pager, Picture, SearchBox, several, Spoken } from "./parts.js";
import { ON_RETURN, usePolling } from "./polling.js";
import { followFocus, moveByKey, useRoving } from "./roving.js";
import { isOver, nameOf, pictureOf, wordsOf } from "./states.js";
import { formatMoment } from "./time.js";
import { html, useRef } from "./vendor/preact.js";

/** @typedef {import("wire").HistoryPage} HistoryPage */
/** @typedef {import("wire").Run} Run */
/** @typedef {import("wire").PastState} PastState */
/** @typedef {import("./address.js").Place} Place */
/** @typedef {import("./address.js").View} View */

/** Runs rarely end while this page is open. The page of a run follows it live. */
const PAUSE = 15000;

/** @param {{place: Place, of: string, view: View, change: (part: Partial<View>) => void}} properties */
export function StateStrips({ place, of, view, change }) {
  const { search, offset } = view;
  const { data, error, isLoading } = usePolling(
    (signal) => getHistory(place, { of, search, offset }, signal),
    JSON.stringify([of, search, offset]),
    ({ runs }) => (runs.every(({ state }) => isOver(state)) ? ON_RETURN : PAUSE),
  );
  if (!data) {
    return error ? html`<${Failure} error=${error} />` : html`<${Loading} what="the last runs" />`;
  }
  return html`<section class="section" aria-label="The last runs of each key">
    <div class="toolbar">
      <h2>The last ${data.runs.length === 1 ? "run" : several(data.runs.length, "run")} of each key</h2>
      <div class="actions"><${SearchBox} value=${search} label="Search keys" onSearch=${(/** @type {string} */ text) => change({ search: text, offset: 0 })} /></div>
    </div>
    ${error && html`<${Failure} error=${error} />`}
    ${data.message && html`<p class="quiet">${data.message}</p>`}
    ${!data.runs.length && html`<${Notice} title="No runs yet">Trigger the Dag; its keys appear here.<//>`}
    ${data.runs.length > 0 && !data.rows.length && html`<${Notice} title="No key matches">No key of these runs ${search ? html`contains “<${Cut} text=${search} />”` : "is known"}.<//>`}
    ${data.rows.length > 0 && html`<${Strips} place=${place} data=${data} />`}
    <footer class="below">
      <span></span>
      <${Pager} total=${data.total} offset=${offset} limit=${PAGE_SIZE} what="key" onOffset=${(/** @type {number} */ to) => change({ offset: to })} />
    </footer>
    <${Spoken} text=${isLoading ? "" : several(data.total, "key")} />
  </section>`;
}

/** @param {{place: Place, data: HistoryPage}} properties */
function Strips({ place, data }) {
  const table = useRef(/** @type {HTMLTableElement | null} */ (null));
  useRoving(table);
  const dates = datesOf(data.runs.map(momentOf));
  return html`<div class="strips-scroll">
    <table ref=${table} class="strips" role="grid" aria-label="States by key and run" onKeyDown=${moveByKey} onFocusIn=${followFocus}>
      <thead>
        <tr>
          <th class="key-column" scope="col">Key</th>
          ${data.runs.map((run, at) => html`<th key=${run.run_id} scope="col"><${RunMark} place=${place} run=${run} date=${dates[at] ?? ""} /></th>`)}
        </tr>
      </thead>
      <tbody>
        ${data.rows.map(
          (row) => html`<tr key=${JSON.stringify(row.key_path)}>
            <th class="key-column" scope="row"><${KeyText} text=${row.key} /></th>
            ${data.runs.map((run, at) => html`<td key=${run.run_id}><${Square} place=${place} run=${run} past=${row.states[at] ?? null} name=${row.key} /></td>`)}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

/** @param {{place: Place, run: Run, date: string}} properties */
function RunMark({ place, run, date }) {
  return html`<${Link} href=${runHref(place, place.dagId, run.run_id)} class="run-mark" title=${`${titleOf(run)}\nRun: ${wordsOf(run.state)}`} aria-label=${`${date} Run ${run.run_id}: ${wordsOf(run.state)}`}>
    <i class=${`is-${nameOf(run.state)}`}></i><span>${date}</span>
  <//>`;
}

/** @param {{place: Place, run: Run, past: PastState | null, name: string}} properties */
function Square({ place, run, past, name }) {
  if (!past) {
    return html`<span class="square is-absent" title=${`${titleOf(run)}\nThis run has no such key`}></span>`;
  }
  const words = wordsOf(past.state);
  return html`<${Link}
    href=${instanceHref(place, past.task_id, past.map_index, run.run_id)}
    class="square is-${nameOf(past.state)}"
    data-stop
    title=${`${titleOf(run)}\n${name.slice(0, 300)}\n${past.task_id}: ${words}`}
    aria-label=${`${run.run_id}: ${words}`}
  ><${Picture} path=${pictureOf(past.state)} size=${12} /><//>`;
}

/**
 * Return the date of each run, or its time if all runs are of one day.
 *
 * @param {string[]} moments  Empty where there is none.
 * @returns {string[]}
 */
export function datesOf(moments) {
  const isOneDay = new Set(moments.map((each) => each.slice(0, 10))).size === 1;
  return moments.map((each) => (isOneDay ? each.slice(11, 16) : each.slice(5, 10)));
}

/** @param {Run} run */
function momentOf(run) {
  return formatMoment(run.logical_date ?? run.start_date, viewersZone());
}

/** @param {Run} run */
function titleOf(run) {
  return [run.run_id, momentOf(run)].filter(Boolean).join("\n");
}
