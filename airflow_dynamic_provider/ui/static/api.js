/**
 * The JSON API of the pages: one function for each route. Its types are generated from the server's OpenAPI
 * document, in frontend/.
 *
 * Times are ISO 8601 strings, durations are seconds. A key path is a list of strings.
 */

/** @typedef {import("./address.js").Place} Place */
/** @typedef {import("./address.js").View} View */
/** @typedef {import("wire").Row["key_path"]} KeyPath */
/** @typedef {import("wire").paths} Routes */
/**
 * @template {keyof Routes} Route
 * @typedef {Routes[Route] extends {get: {parameters: {query?: infer Query}}}
 *   ? [NonNullable<Query>] extends [never] ? {} : NonNullable<Query>
 *   : {}} QueryOf
 */
/**
 * @template {keyof Routes} Route
 * @typedef {Routes[Route] extends {get: {responses: {200: {content: {"application/json": infer Answer}}}}} ? Answer : never} AnswerOf
 */

/** A response that is not a success. Status 0 means that there was no response. */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/** The number of rows on a page. */
export const PAGE_SIZE = 50;

/**
 * @param {Place} place
 * @param {AbortSignal} [signal]
 */
export function getDeclared(place, signal) {
  return ask("/dags/{dag_id}/outputs", place, {}, signal);
}

/**
 * @param {Place} place
 * @param {AbortSignal} [signal]
 */
export function getRunOutputs(place, signal) {
  return ask("/dags/{dag_id}/runs/{run_id}/outputs", place, {}, signal);
}

/**
 * @param {Place} place
 * @param {View} view
 * @param {{parent?: KeyPath, limit?: number}} [below]
 * @param {AbortSignal} [signal]
 */
export function getKeys(place, view, { parent, limit = PAGE_SIZE } = {}, signal) {
  const { of, column, sort, descending, flat } = view;
  const part = parent ? { parent: JSON.stringify(parent), offset: 0 } : { offset: view.offset };
  const query = { of, ...filterOf(view), column, sort, descending, flat, limit, ...part };
  return ask("/dags/{dag_id}/runs/{run_id}/keys", place, query, signal);
}

/**
 * @param {Place} place
 * @param {string} name
 * @param {string} key  A key path as JSON; empty for the first.
 * @param {AbortSignal} [signal]
 */
export function getWorkflow(place, name, key, signal) {
  return ask("/dags/{dag_id}/runs/{run_id}/workflows/{name}", { ...place, name }, { key }, signal);
}

/**
 * @param {Place} place
 * @param {AbortSignal} [signal]
 */
export function getInstance(place, signal) {
  return ask("/dags/{dag_id}/runs/{run_id}/task-instances/{task_id}/{map_index}", place, {}, signal);
}

/**
 * Return the metadata of one produced key.
 *
 * @param {Place} place
 * @param {string} of
 * @param {KeyPath} path
 * @param {AbortSignal} [signal]
 */
export async function getKeyMetadata(place, of, path, signal) {
  const key = JSON.stringify(path);
  const { rows } = await ask("/dags/{dag_id}/runs/{run_id}/keys-metadata", place, { of, key, limit: 1 }, signal);
  return rows.find((row) => JSON.stringify(row.key_path) === key)?.metadata ?? [];
}

/**
 * @param {Place} place
 * @param {{of: string, search: string, offset?: number, limit?: number}} wanted
 * @param {AbortSignal} [signal]
 */
export function getHistory(place, { of, search, offset = 0, limit = PAGE_SIZE }, signal) {
  return ask("/dags/{dag_id}/history", place, { of, task_id: place.taskId, search, offset, limit }, signal);
}

/**
 * @param {Place} place
 * @param {{of: string, keys: KeyPath[]}} wanted  Without keys, all of them.
 * @param {AbortSignal} [signal]
 */
export function getNumbers(place, { of, keys }, signal) {
  const key = keys.map((path) => JSON.stringify(path));
  return ask("/dags/{dag_id}/numbers", place, { of, task_id: place.taskId, key }, signal);
}

/**
 * @param {Place} place
 * @param {View} view
 * @param {AbortSignal} [signal]
 */
export function getTimeline(place, view, signal) {
  return ask("/dags/{dag_id}/runs/{run_id}/timeline", place, { of: view.of, ...filterOf(view) }, signal);
}

/**
 * @param {Place} place
 * @param {string} of
 * @param {KeyPath[]} keys
 * @param {AbortSignal} [signal]
 */
export function getPastDurations(place, of, keys, signal) {
  const key = keys.map((path) => JSON.stringify(path));
  return ask("/dags/{dag_id}/runs/{run_id}/past-durations", place, { of, key }, signal);
}

/**
 * @param {Place} place
 * @param {View} view
 * @param {AbortSignal} [signal]
 */
export function getRunNumbers(place, view, signal) {
  return ask("/dags/{dag_id}/runs/{run_id}/numbers", place, { of: view.of, ...filterOf(view) }, signal);
}

/**
 * Return what would run again. This changes nothing.
 *
 * @param {Place} place
 * @param {import("wire").ClearingRequest} wanted
 * @returns {Promise<import("wire").ClearingAnswer>}
 */
export function planClearing(place, wanted) {
  return send(addressOf("/dags/{dag_id}/runs/{run_id}/clearing", place, {}), wanted);
}

/**
 * Clear what would run again: all of it at once, so that the scheduler never sees only a part of it.
 *
 * @param {Place} place
 * @param {import("wire").ClearingRequest} wanted
 * @param {number} confirmed  The number of task instances that the viewer has confirmed.
 * @param {boolean} keepResults  Whether cached tasks may use results that are kept.
 * @returns {Promise<import("wire").Cleared>}
 */
export function clearAll(place, wanted, confirmed, keepResults) {
  return send(addressOf("/dags/{dag_id}/runs/{run_id}/clear", place, {}), { ...wanted, confirmed, keep_results: keepResults });
}

/**
 * Return which keys a view selects, as the server reads it. A search with a star is a pattern for whole keys.
 *
 * @param {View} view
 */
export function filterOf({ search, states: state, error, where }) {
  const isPattern = search.includes("*");
  return { search: isPattern ? "" : search, match: isPattern ? search : "", state, error, where };
}

/**
 * Return the failed keys by their errors.
 *
 * @param {Place} place
 * @param {string} of
 * @param {AbortSignal} [signal]
 */
export function getErrors(place, of, signal) {
  return ask("/dags/{dag_id}/runs/{run_id}/errors", place, { of }, signal);
}

/**
 * Return the names of all keys that a view selects.
 *
 * @param {Place} place
 * @param {View} view
 */
export function getKeyNames(place, view) {
  return ask("/dags/{dag_id}/runs/{run_id}/key-names", place, { of: view.of, ...filterOf(view) });
}

/**
 * Return which keys some names belong to.
 *
 * @param {Place} place
 * @param {string} of
 * @param {string[]} names
 * @returns {Promise<import("wire").FoundKeys>}
 */
export function findKeys(place, of, names) {
  return send(addressOf("/dags/{dag_id}/runs/{run_id}/find-keys", place, {}), { of, names });
}

/**
 * Return one key in the last runs.
 *
 * @param {Place} place
 * @param {string} of
 * @param {KeyPath} path
 * @param {AbortSignal} [signal]
 */
export function getKeyHistory(place, of, path, signal) {
  return ask("/dags/{dag_id}/key-history", place, { of, key: JSON.stringify(path) }, signal);
}

/**
 * Return the keys of a run beside those of the run before.
 *
 * @param {Place} place
 * @param {string} of
 * @param {AbortSignal} [signal]
 */
export function getComparison(place, of, signal) {
  return ask("/dags/{dag_id}/runs/{run_id}/comparison", place, { of }, signal);
}

/**
 * Return the address of a download.
 *
 * @param {Place} place
 * @param {View} view  Only the keys that match are in the file.
 * @param {"states" | "metadata"} what
 * @param {"csv" | "json"} format
 * @returns {string}
 */
export function exportHref(place, view, what, format) {
  return addressOf("/dags/{dag_id}/runs/{run_id}/export", place, { of: view.of, ...filterOf(view), what, format });
}

/**
 * Return the address of a route, with the names in braces replaced by the place.
 *
 * @template {keyof Routes} Route
 * @param {Route} route
 * @param {Place & {name?: string}} place
 * @param {QueryOf<Route>} query  Empty and false values are left out.
 * @returns {string}
 */
function addressOf(route, { root, dagId, runId, taskId, mapIndex, name = "" }, query) {
  /** @type {Record<string, string | number>} */
  const named = { dag_id: dagId, run_id: runId, task_id: taskId, map_index: mapIndex, name };
  const path = route.replace(/\{(\w+)\}/g, (_, each) => encodeURIComponent(named[each] ?? ""));
  const said = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    [value].flat().forEach((each) => (each || each === 0) && said.append(key, String(each)));
  }
  return `${root}${path}${said.size ? `?${said}` : ""}`;
}

/**
 * @template {keyof Routes} Route
 * @param {Route} route
 * @param {Place & {name?: string}} place
 * @param {QueryOf<Route>} query
 * @param {AbortSignal} [signal]
 * @returns {Promise<AnswerOf<Route>>}
 */
function ask(route, place, query, signal) {
  return answer(addressOf(route, place, query), signal ? { signal } : {});
}

/**
 * @param {string} address
 * @param {object} body
 * @returns {Promise<any>}
 */
function send(address, body) {
  return answer(address, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/**
 * @param {string} address
 * @param {RequestInit} options
 * @returns {Promise<any>}
 */
async function answer(address, options) {
  const response = await fetch(address, { credentials: "same-origin", ...options }).catch(unlessAborted);
  const text = await response?.text().catch(unlessAborted);
  if (!response || text === undefined) {
    throw new ApiError(0, "The server does not answer.");
  }
  const body = parsed(text);
  if (!response.ok || body === null) {
    throw new ApiError(response.ok ? 500 : response.status, textOf(body?.detail) || response.statusText);
  }
  return body;
}

/**
 * @param {any} error
 * @returns {undefined}
 */
function unlessAborted(error) {
  if (error.name === "AbortError") {
    throw error;
  }
}

/**
 * @param {string} text
 * @returns {any}  null if it is not JSON, as when a proxy answers instead of the server.
 */
function parsed(text) {
  try {
    return JSON.parse(text, exactly);
  } catch {
    return null;
  }
}

/**
 * Keep whole numbers that JavaScript would round as strings, as they are written.
 *
 * @param {string} _
 * @param {unknown} value
 * @param {{source?: string}} [context]  Missing in older browsers.
 * @returns {unknown}
 */
export function exactly(_, value, context) {
  const isRounded = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isRounded && context?.source && /^-?\d+$/.test(context.source) ? context.source : value;
}

/**
 * @param {unknown} detail  A string, or Airflow's list of errors in a request.
 * @returns {string}
 */
function textOf(detail) {
  if (typeof detail === "string") {
    return detail;
  }
  return Array.isArray(detail) ? detail.map((each) => each?.msg ?? "").join(" ") : "";
}
