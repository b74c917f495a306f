/**
 * How long a key took in the last runs, beside how long it took in this one.
 */

import { getPastDurations } from "./api.js";
import { statisticsOf } from "./durations.js";
import { formatDuration } from "./time.js";
import { html, useCallback, useEffect, useRef, useState } from "./vendor/preact.js";

/** @typedef {(number | null)[]} Seconds  A duration for each run, the oldest first. */
/** @typedef {{of: (path: string[]) => Seconds | undefined, want: (paths: string[][]) => void}} Past */

/** Milliseconds that the rows have to stay before their durations are asked for. */
const PAUSE = 300;

/** With so many durations, the median tells what is usual. */
const ENOUGH = 3;

/** A key that took so many times as long as usual is marked. */
const SLOW = 1.5;

const SIZE = { width: 90, height: 16, bar: 7 };

/**
 * The durations of keys in the last runs: asked for when rows become visible, and kept.
 *
 * @param {import("./address.js").Place} place
 * @param {string} of
 * @returns {Past}
 */
export function usePastDurations(place, of) {
  const [known, setKnown] = useState(/** @type {ReadonlyMap<string, Seconds>} */ (new Map()));
  const latest = useRef(known);
  latest.current = known;
  const timer = useRef(0);
  const abort = useRef(new AbortController());
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      abort.current.abort();
    },
    [],
  );
  const want = useCallback((/** @type {string[][]} */ paths) => {
    clearTimeout(timer.current);
    const missing = paths.filter((path) => !latest.current.has(JSON.stringify(path)));
    if (!missing.length) {
      return;
    }
    timer.current = setTimeout(async () => {
      const answer = await getPastDurations(place, of, missing.slice(0, 100), abort.current.signal).catch(() => null);
      if (answer) {
        setKnown((before) => new Map([...before, ...answer.rows.map((row) => /** @type {[string, Seconds]} */ ([JSON.stringify(row.key_path), row.seconds]))]));
      }
    }, PAUSE);
  }, []);
  return { of: (path) => known.get(JSON.stringify(path)), want };
}

/** @param {{seconds: number | null, past: Seconds | undefined}} properties */
export function PastBars({ seconds, past }) {
  const known = (past ?? []).filter((each) => each !== null);
  if (!past || !known.length) {
    return html`<span class="past quiet">${past ? "none" : ""}</span>`;
  }
  const usual = statisticsOf(known)?.median ?? 0;
  const isSlow = seconds !== null && known.length >= ENOUGH && seconds > SLOW * usual;
  const most = Math.max(...known, seconds ?? 0, 0.001);
  const bars = [...past, seconds];
  const words = `The last runs: ${past.map((each) => formatDuration(each) || "–").join(", ")}. Usual: ${formatDuration(usual)}`;
  return html`<span class="past" title=${words}>
    <svg width=${SIZE.width} height=${SIZE.height} role="img" aria-label=${words}>
      ${bars.map((each, at) => {
        const height = each === null ? 0 : Math.max(2, (each / most) * SIZE.height);
        return html`<rect key=${at} class=${at === past.length ? "past-now" : "past-bar"} x=${at * (SIZE.bar + 1)} y=${SIZE.height - height} width=${SIZE.bar} height=${height} />`;
      })}
    </svg>
    ${isSlow && html`<b class="past-slow">${(seconds / Math.max(usual, 0.001)).toFixed(1)}×</b>`}
  </span>`;
}
