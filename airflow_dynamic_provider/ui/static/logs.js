/**
 * Reads logs of task instances from Airflow's own API, with the session of the viewer.
 */

/** @typedef {import("./address.js").Place} Place */
/**
 * @typedef {object} Tail  The end of a log.
 * @property {{text: string, isError: boolean}[]} lines
 * @property {number} left  The number of lines before.
 * @property {boolean} isOfKey  Whether the lines of other keys are left out.
 * @property {string} problem  Why there are no lines; empty if there are.
 */

const SHOWN = 30;

/** The number of characters that a page reads of a log. Airflow sends a log from its beginning. */
const LONGEST = 5_000_000;

const TOO_LONG = "The log is too long to read it here.";

/**
 * @param {Place} place
 * @param {string} taskId
 * @param {number} mapIndex
 * @param {string} key  Of a log with lines of several keys, only those of this key are returned.
 * @returns {Promise<Tail>}
 */
export async function lastLines(place, taskId, mapIndex, key) {
  const names = [place.dagId, place.runId, taskId].map(encodeURIComponent);
  const instance = `${place.base}/api/v2/dags/${names[0]}/dagRuns/${names[1]}/taskInstances/${names[2]}`;
  try {
    const found = await ask(`${instance}/${mapIndex}`, "application/json");
    const { try_number: attempt } = await found.json();
    const log = await ask(`${instance}/logs/${attempt}?map_index=${mapIndex}&full_content=true`, "application/x-ndjson");
    return tailOf(await readAll(log), key);
  } catch (error) {
    return { lines: [], left: 0, isOfKey: false, problem: error instanceof Error ? error.message : String(error) };
  }
}

/**
 * Return the end of a log: one JSON document in each line.
 *
 * @param {string} text
 * @param {string} key
 * @returns {Tail}
 */
export function tailOf(text, key) {
  const events = text.split("\n").filter(Boolean).map(parsed).filter((event) => event !== null);
  const ofKey = events.filter((event) => event["mapping_key"] === key);
  const all = ofKey.length ? ofKey : events;
  const lines = all.slice(-SHOWN).map((event) => ({ text: textOf(event), isError: ["error", "critical"].includes(event["level"]) }));
  return { lines, left: all.length - lines.length, isOfKey: ofKey.length > 0, problem: lines.length ? "" : "The log is empty." };
}

/**
 * @param {string} address
 * @param {string} type
 */
async function ask(address, type) {
  const response = await fetch(address, { credentials: "same-origin", headers: { Accept: type } }).catch(() => null);
  if (!response) {
    throw new Error("The server does not answer.");
  }
  if (!response.ok) {
    throw new Error(response.status === 403 ? "You may not read the logs of this Dag." : `Airflow has no log here (status ${response.status}).`);
  }
  return response;
}

/** @param {Response} response */
async function readAll(response) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value, { stream: true });
    if (text.length > LONGEST) {
      await reader.cancel();
      throw new Error(TOO_LONG);
    }
  }
  return text;
}

/**
 * @param {string} line
 * @returns {Record<string, any> | null}  null if it is no event of a log.
 */
function parsed(line) {
  try {
    const event = JSON.parse(line);
    return typeof event === "object" && event !== null && typeof event.event === "string" ? event : null;
  } catch {
    return null;
  }
}

/** @param {Record<string, any>} event */
function textOf({ timestamp, level, event, error_detail: details }) {
  const time = typeof timestamp === "string" ? `${timestamp.slice(11, 19)} ` : "";
  const errors = Array.isArray(details) ? details.map((each) => `\n  ${each?.exc_type}: ${each?.exc_value}`).join("") : "";
  return `${time}${level && level !== "info" ? `${String(level).toUpperCase()} ` : ""}${event}${errors}`;
}
