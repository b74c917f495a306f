/**
 * The rows of a timeline in the order that the viewer wants.
 */

/** @typedef {import("wire").Timeline} Timeline */
/** @typedef {{task: number, mapIndex: number, state: string | null, start: number, seconds: number, lane: number}} Bar  Seconds; the task is its number. */
/** @typedef {{path: string[], name: string, bars: Bar[], lanes: number, start: number, seconds: number}} TimelineRow  Bars that overlap are in lanes of their own. */
/** @typedef {import("./address.js").Order} Order */

/**
 * Return a row for each key, with its bars.
 *
 * @param {Pick<Timeline, "keys" | "tasks">} timeline
 * @param {Order} order
 * @param {number} now  Seconds since 1970: where bars end that are running.
 * @returns {TimelineRow[]}
 */
export function rowsOf({ keys, tasks }, order, now) {
  /** @type {TimelineRow[]} */
  const rows = keys.map((path) => ({ path, name: path.join("/"), bars: [], lanes: 1, start: Infinity, seconds: 0 }));
  tasks.forEach((times, task) =>
    times.rows.forEach((at, number) => {
      const row = /** @type {TimelineRow} */ (rows[at]);
      const start = times.starts[number] ?? now;
      const seconds = times.seconds[number] ?? Math.max(0, now - start);
      row.bars.push({ task, mapIndex: times.map_indexes[number] ?? -1, state: times.states[number] ?? null, start, seconds, lane: 0 });
      row.start = Math.min(row.start, start);
      row.seconds += seconds;
    }),
  );
  rows.forEach(putInLanes);
  return rows.sort(ORDERS[order]);
}

/**
 * Put bars that overlap beside each other: tasks of a key may run at the same time.
 *
 * @param {TimelineRow} row
 */
function putInLanes(row) {
  /** @type {number[]} */
  const ends = [];
  row.bars.sort((one, other) => one.start - other.start);
  row.bars.forEach((bar) => {
    const free = ends.findIndex((end) => end <= bar.start);
    bar.lane = free < 0 ? ends.length : free;
    ends[bar.lane] = bar.start + bar.seconds;
  });
  row.lanes = Math.max(1, ends.length);
}

/** @type {Record<Order, (one: TimelineRow, other: TimelineRow) => number>}  Equal rows stay in the order of the keys. */
const ORDERS = {
  start: (one, other) => (one.start === other.start ? 0 : one.start - other.start),
  duration: (one, other) => other.seconds - one.seconds,
  key: (one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0),
};

/**
 * Return the time from the first start to the last end.
 *
 * @param {TimelineRow[]} rows
 * @returns {{start: number, end: number}}
 */
export function spanOf(rows) {
  let [start, end] = [Infinity, -Infinity];
  rows.forEach((row) =>
    row.bars.forEach((bar) => {
      start = Math.min(start, bar.start);
      end = Math.max(end, bar.start + bar.seconds);
    }),
  );
  return start < Infinity ? { start, end: Math.max(end, start + 0.1) } : { start: 0, end: 1 };
}
