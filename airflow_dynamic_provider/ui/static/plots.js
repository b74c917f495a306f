/**
 * A plot of one number over runs, drawn by uPlot in the colours of the page.
 */

import { viewersZone, onTheme } from "./host.js";
import { Cut } from "./parts.js";
import { formatMoment } from "./time.js";
import UPlot from "./vendor/uplot.js";
import { html, useEffect, useRef, useState } from "./vendor/preact.js";

/** @typedef {import("wire").Numbers} Numbers */
/** @typedef {import("wire").Run} Run */

const HEIGHT = 190;

/** @param {{runs: Run[], label: Numbers, isSummary: boolean}} properties */
export function Plot({ runs, label, isSummary }) {
  const place = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [at, setAt] = useState(/** @type {number | null} */ (null));
  const content = JSON.stringify([runs, label.series]);
  useEffect(() => {
    const element = place.current;
    if (!element) {
      return undefined;
    }
    /** @type {UPlot | null} */
    let plot = null;
    const draw = () => {
      plot?.destroy();
      plot = new UPlot(optionsOf(runs, label, isSummary, element.clientWidth, setAt), dataOf(runs, label), element);
    };
    const watcher = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height: HEIGHT }));
    draw();
    watcher.observe(element);
    const end = onTheme(draw);
    return () => {
      end();
      watcher.disconnect();
      plot?.destroy();
    };
  }, [content, isSummary]);
  return html`<figure class="plot">
    <figcaption>
      <b><${Cut} text=${label.label} /></b> <span class="quiet"><${Cut} text=${`${label.task_id} · ${label.output}`} /></span>
    </figcaption>
    <div ref=${place} class="plot-picture" role="img" aria-label=${`${label.label} over ${runs.length} runs; the table below has the numbers`}></div>
    <${Legend} runs=${runs} label=${label} isSummary=${isSummary} at=${at ?? (runs.length === 1 ? 0 : null)} />
    <${NumberTable} runs=${runs} label=${label} />
  </figure>`;
}

/** @param {{runs: Run[], label: Numbers, isSummary: boolean, at: number | null}} properties */
function Legend({ runs, label, isSummary, at }) {
  const run = at === null ? null : runs[at];
  return html`<ul class="legend">
    ${label.series.map(
      ({ name, values }, number) => html`<li key=${name}>
        <i class=${`line-${lineOf(number, isSummary)}`}></i><${Cut} text=${name} />${at !== null && html` <b>${formatNumber(values[at])}</b>`}
      </li>`,
    )}
    ${run && html`<li class="quiet legend-run">${nameOfRun(run)}</li>`}
  </ul>`;
}

/** @param {{runs: Run[], label: Numbers}} properties */
function NumberTable({ runs, label }) {
  return html`<details class="number-table">
    <summary>As a table</summary>
    <div class="table-value" tabindex="0" role="region" aria-label=${`${label.label} as a table`}>
      <table>
        <thead><tr><th scope="col">Run</th>${label.series.map(({ name }) => html`<th key=${name} scope="col"><${Cut} text=${name} /></th>`)}</tr></thead>
        <tbody>
          ${runs.map(
            (run, at) => html`<tr key=${run.run_id}>
              <th scope="row"><${Cut} text=${run.run_id} /></th>
              ${label.series.map(({ name, values }) => html`<td key=${name} class="number">${formatNumber(values[at])}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
  </details>`;
}

/**
 * @param {Run[]} runs
 * @param {Numbers} label
 * @returns {import("./vendor/uplot.js").default.AlignedData}
 */
function dataOf(runs, label) {
  return [runs.map((_, at) => at), ...label.series.map(({ values }) => values)];
}

/**
 * @param {Run[]} runs
 * @param {Numbers} label
 * @param {boolean} isSummary
 * @param {number} width
 * @param {(at: number | null) => void} onCursor
 * @returns {import("./vendor/uplot.js").default.Options}
 */
function optionsOf(runs, label, isSummary, width, onCursor) {
  const colors = getComputedStyle(document.documentElement);
  const color = (/** @type {string} */ name) => colors.getPropertyValue(`--${name}`).trim();
  const axis = { stroke: color("fg-muted"), font: `11px ${color("fonts-body")}`, grid: { stroke: color("border"), width: 1 }, ticks: { show: false } };
  const lines = label.series.map(({ name }, number) => ({
    label: name,
    stroke: color(`line-${lineOf(number, isSummary)}`),
    width: isSummary && number !== 1 ? 1 : 2,
    spanGaps: false,
    // Between runs there is a line. One run has its point alone.
    points: { show: true, size: runs.length === 1 ? 12 : isSummary && number !== 1 ? 3 : 5 },
  }));
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false } },
    hooks: { setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)] },
    scales: { x: { time: false, range: [-0.5, runs.length - 0.5] } },
    ...(isSummary && label.series.length === 3 ? { bands: [{ series: [3, 1], fill: color("line-band") }] } : {}),
    axes: [
      { ...axis, incrs: [1, 2, 5, 10, 20, 50], space: 90, size: 26, values: (_, splits) => splits.map((at) => shortDate(runs[at])) },
      { ...axis, size: 58, space: 32, values: (_, splits) => splits.map(formatNumber) },
    ],
    series: [{}, ...lines],
  };
}

/**
 * Return the colour of a line. The middle line of a summary stands out; each key has its own colour.
 *
 * @param {number} number
 * @param {boolean} isSummary
 * @returns {string}
 */
function lineOf(number, isSummary) {
  return isSummary ? (number === 1 ? "1" : "edge") : String((number % 6) + 1);
}

/** @param {Run | undefined} run */
function shortDate(run) {
  const moment = run ? formatMoment(run.logical_date ?? run.start_date, viewersZone()) : "";
  return moment.endsWith(" 00:00:00") ? moment.slice(5, 10) : moment.slice(5, 16);
}

/** @param {Run} run */
function nameOfRun(run) {
  return `${formatMoment(run.logical_date ?? run.start_date, viewersZone())} · ${run.run_id}`;
}

/**
 * Return a number in few characters: 12, 0.0123, 3.4M.
 *
 * @param {number | null | undefined} value
 * @returns {string}
 */
export function formatNumber(value) {
  if (value === null || value === undefined) {
    return "–";
  }
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) {
    return value.toExponential(2);
  }
  return value.toLocaleString("en", size >= 1e4 ? { notation: "compact", maximumSignificantDigits: 4 } : { maximumSignificantDigits: 5 });
}
