/**
 * Moves between the cells of a table with the arrow keys, with one stop for the Tab key: a grid in ARIA's terms.
 */

import { useLayoutEffect } from "./vendor/preact.js";

/** The elements of a cell that can have the focus. */
const STOP = "[data-stop]";

/** @type {Record<string, [number, number]>} */
const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/**
 * Keep exactly one stop of a table in the Tab order: the last that the viewer used, or the first.
 *
 * @param {{current: HTMLElement | null}} table
 */
export function useRoving(table) {
  useLayoutEffect(() => {
    const stops = [...(table.current?.querySelectorAll(STOP) ?? [])];
    const current = stops.find((stop) => stop === document.activeElement) ?? stops.find((stop) => isStop(stop)) ?? stops[0];
    stops.forEach((stop) => stop.setAttribute("tabindex", stop === current ? "0" : "-1"));
  });
}

/**
 * Move the focus. Use it as onKeyDown of the table.
 *
 * @param {KeyboardEvent} event
 */
export function moveByKey(event) {
  const step = STEPS[event.key];
  const table = /** @type {HTMLElement} */ (event.currentTarget);
  const from = event.target instanceof Element ? event.target.closest(STOP) : null;
  if (!from || event.altKey || event.ctrlKey || event.metaKey) {
    return;
  }
  const grid = [...table.querySelectorAll("tbody tr")]
    .map((row) => /** @type {HTMLElement[]} */ ([...row.querySelectorAll(STOP)]))
    .filter((row) => row.length);
  const y = grid.findIndex((row) => row.includes(/** @type {HTMLElement} */ (from)));
  const row = grid[y] ?? [];
  const x = row.indexOf(/** @type {HTMLElement} */ (from));
  const target = step ? within(grid, y + step[0], x + step[1]) : ends(event, grid, row);
  if (target) {
    event.preventDefault();
    standOn(target, /** @type {HTMLElement} */ (from));
  }
}

/**
 * Follow the focus after a click. Use it as onFocusIn of the table.
 *
 * @param {FocusEvent} event
 */
export function followFocus(event) {
  const table = /** @type {HTMLElement} */ (event.currentTarget);
  const now = event.target instanceof Element ? event.target.closest(STOP) : null;
  if (now) {
    table.querySelectorAll(`${STOP}[tabindex="0"]`).forEach((stop) => stop.setAttribute("tabindex", "-1"));
    now.setAttribute("tabindex", "0");
  }
}

/**
 * @param {KeyboardEvent} event
 * @param {HTMLElement[][]} grid
 * @param {HTMLElement[]} row
 */
function ends(event, grid, row) {
  switch (event.key) {
    case "Home":
      return event.shiftKey ? grid[0]?.[0] : row[0];
    case "End":
      return event.shiftKey ? grid.at(-1)?.at(-1) : row.at(-1);
    default:
      return undefined;
  }
}

/**
 * @param {HTMLElement[][]} grid
 * @param {number} y
 * @param {number} x
 */
function within(grid, y, x) {
  const row = grid[Math.min(Math.max(y, 0), grid.length - 1)];
  return row?.[Math.min(Math.max(x, 0), row.length - 1)];
}

/**
 * @param {HTMLElement} target
 * @param {HTMLElement} from
 */
function standOn(target, from) {
  from.setAttribute("tabindex", "-1");
  target.setAttribute("tabindex", "0");
  target.focus({ preventScroll: true });
  target.scrollIntoView({ block: "nearest", inline: "nearest" });
}

/** @param {Element} stop */
function isStop(stop) {
  return stop.getAttribute("tabindex") === "0";
}
