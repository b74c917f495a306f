/**
 * What many durations are like: their quartiles, their distribution, and those that stand out.
 */

/**
 * @typedef {object} Statistics  Seconds.
 * @property {number} count
 * @property {number} least
 * @property {number} median
 * @property {number} ninety  Nine in ten are not longer.
 * @property {number} most
 * @property {number} fence  Longer ones stand out.
 */

/** With fewer durations, none stands out. */
const ENOUGH = 8;

/** So many times the distance of the quartiles, above the upper one, a duration stands out: Tukey's outer fence. */
const FAR = 3;

/** One that stands out is at least so many times the median. Otherwise equal durations would stand out by a breath. */
const LEAST_FACTOR = 1.5;

/**
 * @param {readonly number[]} seconds
 * @returns {Statistics | null}  null if there are none.
 */
export function statisticsOf(seconds) {
  const sorted = [...seconds].sort((one, other) => one - other);
  if (!sorted.length) {
    return null;
  }
  const [lower, median, upper] = [0.25, 0.5, 0.75].map((part) => quantile(sorted, part)) ;
  const far = (upper ?? 0) + FAR * ((upper ?? 0) - (lower ?? 0));
  return {
    count: sorted.length,
    least: quantile(sorted, 0),
    median: median ?? 0,
    ninety: quantile(sorted, 0.9),
    most: quantile(sorted, 1),
    fence: sorted.length < ENOUGH ? Infinity : Math.max(far, LEAST_FACTOR * (median ?? 0)),
  };
}

/**
 * Return the numbers of the durations that stand out, the longest first.
 *
 * @param {readonly number[]} seconds
 * @returns {number[]}
 */
export function outliersOf(seconds) {
  const fence = statisticsOf(seconds)?.fence ?? Infinity;
  const found = seconds.map((_, at) => at).filter((at) => (seconds[at] ?? 0) > fence);
  return found.sort((one, other) => (seconds[other] ?? 0) - (seconds[one] ?? 0));
}

/**
 * Return the number of values in each of some equal ranges between the least and the greatest.
 *
 * @param {readonly number[]} values
 * @param {number} bins
 * @returns {number[]}
 */
export function histogramOf(values, bins) {
  const counts = Array.from({ length: bins }, () => 0);
  const least = values.reduce((one, other) => Math.min(one, other), Infinity);
  const most = values.reduce((one, other) => Math.max(one, other), -Infinity);
  values.forEach((value) => {
    const at = most > least ? Math.min(bins - 1, Math.floor(((value - least) / (most - least)) * bins)) : 0;
    counts[at] = (counts[at] ?? 0) + 1;
  });
  return counts;
}

/**
 * @param {readonly number[]} sorted
 * @param {number} part  Between 0 and 1.
 * @returns {number}
 */
function quantile(sorted, part) {
  const at = part * (sorted.length - 1);
  const [below = 0, above = 0] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  return below + (above - below) * (at - Math.floor(at));
}
