/**
 * Addresses: which page this is, links into Airflow, and the view that is kept in the fragment.
 */

/**
 * @typedef {object} Place  The parts of a page's path.
 * @property {"dag" | "task" | "run" | "instance"} page
 * @property {string} root  Everything up to and including "/dynamic-outputs".
 * @property {string} base  Airflow's own base path, such as "/team-a"; may be empty.
 * @property {string} dagId
 * @property {string} runId  Empty if the page shows no run.
 * @property {string} taskId  Empty if the page shows no task.
 * @property {number} mapIndex  -1 if the task is not mapped.
 */

const ROOT = "/dynamic-outputs";

/**
 * Read the path of a page.
 *
 * @param {string} pathname
 * @returns {Place | null}  null if it is not a page of the package.
 */
export function placeOf(pathname) {
  const end = pathname.indexOf(`${ROOT}/dags/`);
  if (end < 0) {
    return null;
  }
  const base = pathname.slice(0, end);
  const parts = pathname.slice(end + ROOT.length + 1).split("/").map(decoded);
  const [, dagId = "", , second = "", , taskId = "", mapIndex = ""] = parts;
  const common = { root: base + ROOT, base, dagId, runId: "", taskId: "", mapIndex: -1 };
  const shape = parts.map((part, position) => (position % 2 ? "*" : part)).join("/");
  switch (shape) {
    case "dags/*/page":
      return { ...common, page: "dag" };
    case "dags/*/tasks/*/page":
      return { ...common, page: "task", taskId: second };
    case "dags/*/runs/*/page":
      return { ...common, page: "run", runId: second };
    default:
      return shape.startsWith("dags/*/runs/*/task-instances/*/") && parts.length === 8
        ? { ...common, page: "instance", runId: second, taskId, mapIndex: indexOf(mapIndex) }
        : null;
  }
}

/**
 * Return the address of a task instance and its log in Airflow.
 *
 * @param {Place} place
 * @param {string} taskId
 * @param {number | null | undefined} mapIndex
 * @param {string} [runId]
 * @returns {string}
 */
export function instanceHref(place, taskId, mapIndex, runId = place.runId) {
  const mapped = typeof mapIndex === "number" && mapIndex >= 0 ? `/mapped/${mapIndex}` : "";
  return `${runHref(place, place.dagId, runId)}/tasks/${encodeURIComponent(taskId)}${mapped}`;
}

/**
 * Return the address of a run in Airflow.
 *
 * @param {Place} place
 * @param {string} dagId
 * @param {string} runId
 * @returns {string}
 */
export function runHref(place, dagId, runId) {
  return `${place.base}/dags/${encodeURIComponent(dagId)}/runs/${encodeURIComponent(runId)}`;
}

/**
 * Return an address if it is safe to click, else null. It is shown as text then.
 *
 * @param {unknown} address
 * @returns {string | null}
 */
export function safeLink(address) {
  return isOfScheme(address, ["http:", "https:", "mailto:"]) ? address : null;
}

/**
 * Return an address if it is an inline picture, else null.
 *
 * @param {unknown} address
 * @returns {string | null}
 */
export function inlineImage(address) {
  const isPicture = typeof address === "string" && /^data:image\/(png|jpe?g|gif|webp|svg\+xml)[;,]/i.test(address);
  return isPicture ? address : null;
}

/** @typedef {NonNullable<NonNullable<import("wire").paths["/dags/{dag_id}/runs/{run_id}/keys"]["get"]["parameters"]["query"]>["sort"]>} Sort */
/**
 * @typedef {object} View  The choices of the viewer.
 * @property {string} of  The id of a space; empty for the first.
 * @property {string} workflow  The name of a workflow, if one is shown instead of a space.
 * @property {string} key  The selected key paths, as JSON; empty for none.
 * @property {string} search
 * @property {string[]} states
 * @property {string} error  The name of a group of failures; empty for all keys.
 * @property {string} where  A condition on metadata.
 * @property {string} column  The label of a metadata entry that is shown as a column.
 * @property {Sort} sort
 * @property {boolean} descending
 * @property {boolean} flat  Nested keys in one list.
 * @property {boolean} compare  Whether the run is shown beside the one before.
 * @property {string[]} open  Rows that are unfolded: key paths as JSON.
 * @property {number} offset
 * @property {Show} show
 * @property {Order} order  That of the timeline.
 * @property {string[]} numbers  The numbers of the metadata that a chart shows: one or two, by their names.
 */

/** @typedef {"table" | "timeline" | "charts"} Show */
/** @typedef {"start" | "duration" | "key"} Order */

/** @type {View} */
export const FIRST_VIEW = Object.freeze({
  of: "",
  workflow: "",
  key: "",
  search: "",
  states: [],
  error: "",
  where: "",
  column: "",
  sort: "position",
  descending: false,
  flat: false,
  compare: false,
  open: [],
  offset: 0,
  show: "table",
  order: "start",
  numbers: [],
});

/** @type {Readonly<Record<Sort, true>>}  Every value that the server accepts; the type check fails if one is missing. */
const SORTS = Object.freeze({ position: true, key: true, state: true, duration: true, metadatum: true });

/**
 * Read a view from the fragment of an address. Unknown parts are ignored.
 *
 * @param {string} fragment  With or without its "#".
 * @returns {View}
 */
export function viewOf(fragment) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const text = (/** @type {string} */ name) => given.get(name) ?? "";
  const offset = Number(text("offset"));
  const sort = text("sort");
  return {
    of: text("of"),
    workflow: text("workflow"),
    key: text("key"),
    search: text("search"),
    states: given.getAll("state"),
    error: text("error"),
    where: text("where"),
    column: text("column"),
    sort: isSort(sort) ? sort : "position",
    descending: given.has("descending"),
    flat: given.has("flat"),
    compare: given.has("compare"),
    open: given.getAll("open"),
    offset: Number.isSafeInteger(offset) && offset > 0 ? offset : 0,
    show: oneOf(/** @type {const} */ (["table", "timeline", "charts"]), text("show")),
    order: oneOf(/** @type {const} */ (["start", "duration", "key"]), text("order")),
    numbers: given.getAll("number"),
  };
}

/**
 * Write a view as the fragment of an address, without default values.
 *
 * @param {View} view
 * @returns {string}  Without "#"; empty for the default view.
 */
export function fragmentOf(view) {
  const said = new URLSearchParams();
  for (const name of /** @type {const} */ (["of", "workflow", "key", "search", "error", "where", "column"])) {
    if (view[name]) {
      said.set(name, view[name]);
    }
  }
  view.states.forEach((state) => said.append("state", state));
  if (view.sort !== "position") {
    said.set("sort", view.sort);
  }
  for (const name of /** @type {const} */ (["descending", "flat", "compare"])) {
    if (view[name]) {
      said.set(name, "1");
    }
  }
  view.open.forEach((path) => said.append("open", path));
  for (const name of /** @type {const} */ (["show", "order"])) {
    if (view[name] !== FIRST_VIEW[name]) {
      said.set(name, view[name]);
    }
  }
  view.numbers.forEach((name) => said.append("number", name));
  if (view.offset) {
    said.set("offset", String(view.offset));
  }
  return said.toString();
}

/**
 * Return the value if it is one of those that are known, else the first of them.
 *
 * @template {string} Known
 * @param {readonly [Known, ...Known[]]} known
 * @param {string} given
 * @returns {Known}
 */
function oneOf(known, given) {
  return known.find((each) => each === given) ?? known[0];
}

/**
 * @param {string} name
 * @returns {name is Sort}
 */
function isSort(name) {
  return Object.hasOwn(SORTS, name);
}

/**
 * @param {unknown} address
 * @param {string[]} schemes
 * @returns {address is string}
 */
function isOfScheme(address, schemes) {
  if (typeof address !== "string" || !URL.canParse(address)) {
    return false;
  }
  return schemes.includes(new URL(address).protocol);
}

/**
 * @param {string} part  A part of a path.
 * @returns {string}
 */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * Read a map index. Airflow leaves its placeholder in the address if a task is not mapped.
 *
 * @param {string} text
 * @returns {number}
 */
function indexOf(text) {
  return /^\d+$/.test(text) ? Number(text) : -1;
}
