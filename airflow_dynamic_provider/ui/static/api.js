/**
 * The JSON behind the pages: its shapes, and one function a route.
 *
 * Times are ISO 8601 text, durations seconds. A key path is a list of texts.
 */

/** @typedef {import("./address.js").Place} Place */
/** @typedef {import("./address.js").View} View */
/** @typedef {import("./states.js").State} State */
/** @typedef {string[]} KeyPath */
/** @typedef {Record<string, number>} Counts  By state, "none" for no status. */

/** @typedef {{task_id: string, label: string}} Column */
/**
 * @typedef {object} Space  A set of keys over which tasks are cloned.
 * @property {string} of  Its id.
 * @property {string} name
 * @property {"produced" | "nested" | "joined"} kind
 * @property {number} depth
 * @property {string | null} producer
 * @property {string | null} output
 * @property {string | null} description
 * @property {string} lister  The task to clear where clones ran for other keys than there are.
 * @property {Column[]} columns
 */
/** @typedef {{name: string, is_mapped: boolean}} WorkflowInfo */
/** @typedef {{spaces: Space[], workflows: WorkflowInfo[]}} Declared */

/** @typedef {{dag_id: string, run_id: string, state: State, start_date: string | null, end_date: string | null}} RunInfo */
/** @typedef {Space & {keys: number | null, counts: Counts, has_stale: boolean, producer_state: State, message: string | null}} RunSpace */
/** @typedef {WorkflowInfo & {nodes: number | null, counts: Counts, state: State, message: string | null}} RunWorkflow */
/** @typedef {{run: RunInfo, spaces: RunSpace[], workflows: RunWorkflow[]}} RunOutputs */

/**
 * @typedef {object} Attempt  A task instance.
 * @property {string} task_id
 * @property {number} map_index
 * @property {State} state
 * @property {number} try_number
 * @property {number | null} duration
 * @property {string | null} start_date
 * @property {string | null} end_date
 */
/** @typedef {Attempt & {is_stale: boolean}} Cell */
/**
 * @typedef {object} Row
 * @property {KeyPath} key_path
 * @property {string} key
 * @property {State} state
 * @property {number | null} duration
 * @property {number | null} children  null: it has none, it is a leaf.
 * @property {Counts} counts
 * @property {number | null} position
 * @property {Record<string, Cell | null>} cells
 */
/**
 * @typedef {object} Keys
 * @property {string} of
 * @property {Column[]} columns
 * @property {number} total
 * @property {number} offset
 * @property {number} limit
 * @property {Counts} counts
 * @property {boolean} is_running
 * @property {Row[]} rows
 */

/**
 * @typedef {object} WorkflowNode
 * @property {string} name
 * @property {string} kind
 * @property {string | null} task_id  null: no task instance has been made for it yet.
 * @property {number | null} map_index
 * @property {State} state
 * @property {number} try_number
 * @property {number | null} duration
 * @property {string | null} start_date
 * @property {string | null} end_date
 * @property {string | null} reason  Why it was not run.
 */
/**
 * @typedef {object} Workflow
 * @property {string} name
 * @property {KeyPath[]} keys
 * @property {KeyPath} key_path  Empty when the workflow is not mapped.
 * @property {State} state
 * @property {string | null} message
 * @property {boolean} is_running
 * @property {WorkflowNode[]} nodes
 * @property {[string, string][]} edges
 * @property {Counts} counts
 */

/** @typedef {{label: string, kind: string, value: any, html: string | null, is_cut: boolean}} Meta */
/**
 * @typedef {object} DeclaredOutput
 * @property {string} name
 * @property {boolean} is_dynamic
 * @property {string} type
 * @property {string | null} description
 * @property {boolean} is_required
 * @property {number | null} keys
 * @property {Meta[]} metadata
 */
/**
 * @typedef {object} Relative
 * @property {string} task_id
 * @property {number} map_index
 * @property {State} state
 * @property {number} try_number
 * @property {number | null} duration
 * @property {"upstream" | "downstream" | "same key" | "producer"} relation
 */
/**
 * @typedef {object} InstanceFacts
 * @property {boolean} is_stale  It ran for another key, before the keys were made again.
 * @property {KeyPath | null} key_path
 * @property {string | null} key
 * @property {Space | null} space
 * @property {{task_id: string, map_index: number, output: string, description: string | null} | null} origin
 * @property {DeclaredOutput[]} outputs
 * @property {Meta[]} inherited
 * @property {Relative[]} same_key
 * @property {{workflow: string, name: string} | null} node
 */
/** @typedef {Attempt & InstanceFacts} Instance */

/** @typedef {{run_id: string, logical_date: string | null, start_date: string | null, state: State}} PastRun */
/** @typedef {{state: State, map_index: number, task_id: string} | null} PastState  null: the run has no such key. */
/** @typedef {{key_path: KeyPath, key: string, states: PastState[]}} PastRow */
/** @typedef {{runs: PastRun[], total: number, rows: PastRow[], message: string | null}} History */
/** @typedef {{name: string, values: (number | null)[]}} Series */
/** @typedef {{label: string, task_id: string, output: string, series: Series[]}} NumberLabel */
/** @typedef {{runs: PastRun[], labels: NumberLabel[], message: string | null}} Numbers */

/** @typedef {string | [string, number]} TaskRef  As Airflow's own API takes it. */
/** @typedef {{task_id: string, map_index: number, label: string | null, state: State}} Cleared */
/** @typedef {{task_ids: TaskRef[], total: number, task_instances: Cleared[], warnings: string[]}} Clearing */
/** @typedef {{of: string, keys: KeyPath[], state: "failed" | null, lister?: boolean}} KeysToClear */
/** @typedef {{workflow: string, nodes: string[], key: KeyPath | null, state: "failed" | null}} NodesToClear */

/** An answer that is no success; status 0: there was no answer. */
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

/** Airflow's own API takes so many at once. */
const PART = 400;

/** Rows of a page. */
export const PAGE_SIZE = 50;

/**
 * @param {Place} place
 * @param {AbortSignal} [signal]
 * @returns {Promise<Declared>}
 */
export function getDeclared(place, signal) {
  return ask(`${dagRoute(place)}/outputs`, {}, signal);
}

/**
 * @param {Place} place
 * @param {AbortSignal} [signal]
 * @returns {Promise<RunOutputs>}
 */
export function getRunOutputs(place, signal) {
  return ask(`${runRoute(place)}/outputs`, {}, signal);
}

/**
 * @param {Place} place
 * @param {View} view
 * @param {{parent?: KeyPath, limit?: number}} [below]
 * @param {AbortSignal} [signal]
 * @returns {Promise<Keys>}
 */
export function getKeys(place, view, { parent, limit = PAGE_SIZE } = {}, signal) {
  const query = {
    of: view.of,
    search: view.search,
    state: view.states,
    sort: view.sort,
    descending: view.descending ? "true" : "",
    flat: view.flat ? "true" : "",
    parent: parent ? JSON.stringify(parent) : "",
    limit: String(limit),
    offset: parent ? "0" : String(view.offset),
  };
  return ask(`${runRoute(place)}/keys`, query, signal);
}

/**
 * @param {Place} place
 * @param {string} name
 * @param {string} key  A key path as JSON; empty: the first.
 * @param {AbortSignal} [signal]
 * @returns {Promise<Workflow>}
 */
export function getWorkflow(place, name, key, signal) {
  return ask(`${runRoute(place)}/workflows/${encodeURIComponent(name)}`, { key }, signal);
}

/**
 * @param {Place} place
 * @param {AbortSignal} [signal]
 * @returns {Promise<Instance>}
 */
export function getInstance(place, signal) {
  const task = encodeURIComponent(place.taskId);
  return ask(`${runRoute(place)}/task-instances/${task}/${place.mapIndex}`, {}, signal);
}

/**
 * The metadata of one produced key.
 *
 * @param {Place} place
 * @param {string} of
 * @param {KeyPath} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<Meta[]>}
 */
export async function getKeyMetadata(place, of, path, signal) {
  const key = JSON.stringify(path);
  const { rows } = await ask(`${runRoute(place)}/keys-metadata`, { of, key, limit: "1" }, signal);
  const found = rows.find((/** @type {{key_path: KeyPath}} */ row) => JSON.stringify(row.key_path) === key);
  return found?.metadata ?? [];
}

/**
 * @param {Place} place
 * @param {{of: string, search: string, offset?: number, limit?: number}} wanted
 * @param {AbortSignal} [signal]
 * @returns {Promise<History>}
 */
export function getHistory(place, { of, search, offset = 0, limit = PAGE_SIZE }, signal) {
  const query = { of, task_id: place.taskId, search, offset: String(offset), limit: String(limit) };
  return ask(`${dagRoute(place)}/history`, query, signal);
}

/**
 * @param {Place} place
 * @param {{of: string, keys: KeyPath[]}} wanted  No keys: all of them.
 * @param {AbortSignal} [signal]
 * @returns {Promise<Numbers>}
 */
export function getNumbers(place, { of, keys }, signal) {
  const query = { of, task_id: place.taskId, key: keys.map((path) => JSON.stringify(path)) };
  return ask(`${dagRoute(place)}/numbers`, query, signal);
}

/**
 * What would have to run again; this changes nothing.
 *
 * @param {Place} place
 * @param {KeysToClear | NodesToClear} wanted
 * @returns {Promise<Clearing>}
 */
export function planClearing(place, wanted) {
  return send(`${runRoute(place)}/clearing`, wanted);
}

/**
 * Have Airflow clear task instances, with the viewer's own rights, or say what it would clear.
 *
 * @param {Place} place
 * @param {TaskRef[]} tasks
 * @param {{isDryRun: boolean, onPart?: (cleared: number) => void}} how
 * @returns {Promise<Cleared[]>}
 */
export async function clearTasks(place, tasks, { isDryRun, onPart }) {
  const route = `${place.base}/api/v2/dags/${encodeURIComponent(place.dagId)}/clearTaskInstances`;
  const cleared = [];
  for (let start = 0; start < tasks.length; start += PART) {
    const answer = await send(route, {
      dry_run: isDryRun,
      dag_run_id: place.runId,
      task_ids: tasks.slice(start, start + PART),
      only_failed: false,
      include_downstream: false,
      include_upstream: false,
      reset_dag_runs: true,
    });
    cleared.push(...answer.task_instances.map(clearedOf));
    onPart?.(cleared.length);
  }
  return cleared;
}

/**
 * The address of a download.
 *
 * @param {Place} place
 * @param {string} of
 * @param {"states" | "metadata"} what
 * @param {"csv" | "json"} format
 * @returns {string}
 */
export function exportHref(place, of, what, format) {
  return `${runRoute(place)}/export?${new URLSearchParams({ of, what, format })}`;
}

/**
 * @param {any} instance  A task instance of Airflow's API.
 * @returns {Cleared}
 */
function clearedOf({ task_id, map_index, rendered_map_index, state }) {
  return { task_id, map_index, label: map_index < 0 ? null : (rendered_map_index ?? String(map_index)), state };
}

/** @param {Place} place */
function dagRoute(place) {
  return `${place.root}/dags/${encodeURIComponent(place.dagId)}`;
}

/** @param {Place} place */
function runRoute(place) {
  return `${dagRoute(place)}/runs/${encodeURIComponent(place.runId)}`;
}

/**
 * @param {string} route
 * @param {Record<string, string | string[]>} query  What is empty is left out.
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
function ask(route, query, signal) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    [value].flat().forEach((each) => each && said.append(name, each));
  }
  return answer(`${route}${said.size ? `?${said}` : ""}`, signal ? { signal } : {});
}

/**
 * @param {string} route
 * @param {object} body
 * @returns {Promise<any>}
 */
function send(route, body) {
  return answer(route, {
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
 * @returns {any}  null: it is no JSON, as when a proxy answers in place of the server.
 */
function parsed(text) {
  try {
    return JSON.parse(text, exactly);
  } catch {
    return null;
  }
}

/**
 * Whole numbers that JavaScript would round stay as they are written, as text.
 *
 * @param {string} _
 * @param {unknown} value
 * @param {{source?: string}} [context]  Not given by older browsers.
 * @returns {unknown}
 */
export function exactly(_, value, context) {
  const isRounded = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  return isRounded && context?.source && /^-?\d+$/.test(context.source) ? context.source : value;
}

/**
 * @param {unknown} detail  A text, or Airflow's list of what is wrong with a request.
 * @returns {string}
 */
function textOf(detail) {
  if (typeof detail === "string") {
    return detail;
  }
  return Array.isArray(detail) ? detail.map((each) => each?.msg ?? "").join(" ") : "";
}
