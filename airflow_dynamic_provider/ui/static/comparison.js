/**
 * The keys of a run beside those of the run before: new, gone, newly failed, repaired, slower.
 */

import { runHref } from "./address.js";
import { getComparison } from "./api.js";
import { viewersZone } from "./host.js";
import { KeyText } from "./key_text.js";
import { Failure, formatCount, Link, Loading, Notice, Picture } from "./parts.js";
import { usePolling } from "./polling.js";
import { formatDuration, formatMoment } from "./time.js";
import { html } from "./vendor/preact.js";

/** @typedef {import("wire").ChangedKey} ChangedKey */

const KINDS = /** @type {const} */ ([
  ["newly_failed", "Newly failed", "is-failed"],
  ["repaired", "Repaired", "is-success"],
  ["slower", "Slower", "is-up_for_retry"],
  ["new", "New", "is-running"],
  ["gone", "Gone", "is-removed"],
]);

/**
 * @param {{place: import("./address.js").Place, of: string, onSearch: (key: string) => void, onClose: () => void}} properties
 */
export function Comparison({ place, of, onSearch, onClose }) {
  const { data, error } = usePolling((signal) => getComparison(place, of, signal), of, () => null);
  if (!data) {
    return error ? html`<${Failure} error=${error} />` : html`<${Loading} what="the run before" />`;
  }
  const close = html`<button type="button" class="icon-button" aria-label="Close the comparison" title="Close the comparison" onClick=${onClose}><${Picture} path="M4 4l8 8M12 4l-8 8" /></button>`;
  const { other } = data;
  if (!other) {
    return html`<section class="comparison" aria-label="Comparison"><header><h3>There is no run before this one.</h3>${close}</header></section>`;
  }
  const differing = KINDS.filter(([kind]) => data[kind].total > 0);
  const moment = other.logical_date ?? other.start_date;
  return html`<section class="comparison" aria-label="Comparison">
    <header>
      <h3>Compared with <${Link} href=${runHref(place, place.dagId, other.run_id)} title=${other.run_id}>the run of ${moment ? formatMoment(moment, viewersZone()) : other.run_id}<//></h3>
      ${close}
    </header>
    ${!differing.length && html`<${Notice}>Both runs have the same keys. None is newly failed, repaired or much slower.<//>`}
    <div class="comparison-kinds">
      ${differing.map(
        ([kind, label, state]) => html`<div key=${kind} class=${`comparison-kind ${state}`}>
          <h4><i></i>${label} <b>${formatCount(data[kind].total)}</b></h4>
          <ul>
            ${data[kind].keys.map((key) => html`<li key=${key.key}><button type="button" class="plain-button" disabled=${kind === "gone"} onClick=${() => onSearch(key.key)}><${KeyText} text=${key.key} /></button>${kind === "slower" && html`<span class="quiet">${slower(key)}</span>`}</li>`)}
          </ul>
          ${data[kind].total > data[kind].keys.length && html`<p class="quiet">and ${formatCount(data[kind].total - data[kind].keys.length)} more</p>`}
        </div>`,
      )}
    </div>
  </section>`;
}

/** @param {ChangedKey} key */
function slower({ before, now }) {
  return `${formatDuration(before)} → ${formatDuration(now)}`;
}
