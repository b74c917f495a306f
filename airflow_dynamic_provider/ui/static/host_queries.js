/**
 * Makes Airflow's own page ask the server again, after this page has changed the run.
 *
 * Airflow keeps its answers for minutes, and looks only at runs that it knows to be running. It would show an ended
 * run after a clear. Its page keeps the answers in a client of TanStack Query, which it passes down its tree of React
 * components. There is no other way to this client than through the tree. If it is not there, nothing happens.
 */

import { outerDocument } from "./host.js";

/** @typedef {{invalidateQueries: () => unknown, getQueryCache: () => unknown}} QueryClient */
/** @typedef {{memoizedProps?: any, child?: Fiber | null, sibling?: Fiber | null}} Fiber  What React keeps of a component. */

/** The client is near the root of the tree. */
const MOST_COMPONENTS = 500;

/** Make Airflow's page ask again for everything that it shows. */
export function refreshAirflow() {
  const root = outerDocument()?.getElementById("root");
  const client = root ? findClient(fiberOf(root)) : null;
  client?.invalidateQueries();
}

/**
 * @param {HTMLElement} root
 * @returns {Fiber | null}
 */
function fiberOf(root) {
  const name = Object.keys(root).find((each) => each.startsWith("__reactContainer$"));
  return name ? /** @type {any} */ (root)[name] : null;
}

/**
 * Return the client that a component nearest to the root has.
 *
 * @param {Fiber | null | undefined} top
 * @returns {QueryClient | null}
 */
export function findClient(top) {
  const waiting = [top];
  for (let looked = 0; waiting.length && looked < MOST_COMPONENTS; looked += 1) {
    const fiber = waiting.shift();
    const client = fiber?.memoizedProps?.client;
    if (typeof client?.invalidateQueries === "function" && typeof client?.getQueryCache === "function") {
      return client;
    }
    waiting.push(...[fiber?.child, fiber?.sibling].filter(Boolean));
  }
  return null;
}
