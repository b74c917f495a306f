/**
 * Two numbers of each key as points in a plane. Pointing at one shows its key.
 */

import { formatNumber } from "./plots.js";
import { html, useLayoutEffect, useRef, useState } from "./vendor/preact.js";

/** @typedef {import("wire").RunNumbers["numbers"][number]} KeyNumbers */
/** @typedef {{name: string, x: number, y: number}} Dot */

/** The room for the names of the axes, in pixels. */
const EDGE = { left: 64, right: 16, top: 12, bottom: 40 };
const MARKS = 5;

/** @param {{keys: string[][], across: KeyNumbers, up: KeyNumbers}} properties */
export function Scatter({ keys, across, up }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [size, setSize] = useState({ width: 700, height: 360 });
  const [near, setNear] = useState(/** @type {Dot | null} */ (null));
  useLayoutEffect(() => {
    const element = /** @type {HTMLElement} */ (box.current);
    const observer = new ResizeObserver(() => setSize({ width: element.clientWidth, height: Math.max(180, element.clientHeight - 26) }));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const dots = dotsOf(keys, across, up);
  const x = axisOf(dots.map((dot) => dot.x), EDGE.left, size.width - EDGE.right);
  const y = axisOf(dots.map((dot) => dot.y), size.height - EDGE.bottom, EDGE.top);
  const words = `${dots.length} keys: ${up.label} against ${across.label}`;
  return html`<figure class="scatter" ref=${box}>
    <figcaption class="quiet" role="status">${near ? html`<b>${near.name}</b>: ${across.label} ${formatNumber(near.x)}, ${up.label} ${formatNumber(near.y)}` : words}</figcaption>
    <svg width=${size.width} height=${size.height} role="img" aria-label=${words} onMouseLeave=${() => setNear(null)}>
      ${x.marks.map((mark) => html`<g key=${`x${mark}`}><path class="grid-line" d=${`M${x.at(mark)} ${EDGE.top}V${size.height - EDGE.bottom}`} /><text class="axis" text-anchor="middle" x=${x.at(mark)} y=${size.height - EDGE.bottom + 15}>${formatNumber(mark)}</text></g>`)}
      ${y.marks.map((mark) => html`<g key=${`y${mark}`}><path class="grid-line" d=${`M${EDGE.left} ${y.at(mark)}H${size.width - EDGE.right}`} /><text class="axis" text-anchor="end" x=${EDGE.left - 6} y=${y.at(mark) + 4}>${formatNumber(mark)}</text></g>`)}
      <text class="axis" text-anchor="end" x=${size.width - EDGE.right} y=${size.height - 8}>${across.label} →</text>
      <text class="axis" x="4" y=${EDGE.top}>↑ ${up.label}</text>
      ${dots.map((dot) => html`<circle key=${dot.name} class=${dot.name === near?.name ? "dot is-near" : "dot"} cx=${x.at(dot.x)} cy=${y.at(dot.y)} r="4" onMouseEnter=${() => setNear(dot)}><title>${dot.name}</title></circle>`)}
    </svg>
  </figure>`;
}

/**
 * @param {string[][]} keys
 * @param {KeyNumbers} across
 * @param {KeyNumbers} up
 * @returns {Dot[]}  Of the keys that have both numbers.
 */
export function dotsOf(keys, across, up) {
  return keys.flatMap((path, at) => {
    const [x, y] = [across.values[at] ?? null, up.values[at] ?? null];
    return x === null || y === null ? [] : [{ name: path.join("/"), x, y }];
  });
}

/**
 * @param {number[]} values
 * @param {number} from  The pixel of the least value.
 * @param {number} to  The pixel of the greatest.
 */
function axisOf(values, from, to) {
  const least = values.reduce((one, other) => Math.min(one, other), Infinity);
  const most = values.reduce((one, other) => Math.max(one, other), -Infinity);
  const [low, high] = least < most ? [least, most] : [(values[0] ?? 0) - 1, (values[0] ?? 0) + 1];
  const at = (/** @type {number} */ value) => from + ((value - low) / (high - low)) * (to - from);
  return { at, marks: marksOf(low, high) };
}

/**
 * Return round numbers between two.
 *
 * @param {number} low
 * @param {number} high
 * @returns {number[]}
 */
export function marksOf(low, high) {
  const rough = (high - low) / MARKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, number) => Number(((first + number) * step).toPrecision(12)));
}
