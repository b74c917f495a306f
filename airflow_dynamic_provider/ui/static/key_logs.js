/**
 * The last lines of the logs of a key, from Airflow's own API. The log of a batch has lines of many keys.
 */

import { instanceHref } from "./address.js";
import { lastLines } from "./logs.js";
import { Link } from "./parts.js";
import { html, useEffect, useRef, useState } from "./vendor/preact.js";

/** @typedef {import("wire").Cell} Cell */
/** @typedef {import("./logs.js").Tail} Tail */

/**
 * @param {{place: import("./address.js").Place, row: import("wire").Row}} properties
 */
export function KeyLogs({ place, row }) {
  const cells = Object.values(row.cells).filter((cell) => cell !== null && cell.map_index >= 0 && cell.try_number > 0 && !cell.is_stale);
  return html`<div class="key-logs">
    ${cells.map((cell) => cell && html`<${Log} key=${cell.task_id} place=${place} cell=${cell} name=${row.key} />`)}
  </div>`;
}

/** @param {{place: import("./address.js").Place, cell: Cell, name: string}} properties */
function Log({ place, cell, name }) {
  const [tail, setTail] = useState(/** @type {Tail | "reading" | null} */ (null));
  const onToggle = async (/** @type {Event} */ event) => {
    if (/** @type {HTMLDetailsElement} */ (event.currentTarget).open && tail === null) {
      setTail("reading");
      setTail(await lastLines(place, cell.task_id, cell.map_index, name));
    }
  };
  return html`<details class="key-log" onToggle=${onToggle}>
    <summary>Log of ${cell.task_id}</summary>
    ${tail === "reading" && html`<p class="quiet" role="status">Reading the log …</p>`}
    ${tail !== null && tail !== "reading" && html`<${Lines} tail=${tail} />`}
    <p><${Link} href=${instanceHref(place, cell.task_id, cell.map_index)}>Open the whole log<//></p>
  </details>`;
}

/** @param {{tail: Tail}} properties */
function Lines({ tail }) {
  const end = useRef(/** @type {HTMLPreElement | null} */ (null));
  useEffect(() => end.current?.scrollTo(0, end.current.scrollHeight), []);
  if (tail.problem) {
    return html`<p class="quiet">${tail.problem}</p>`;
  }
  return html`
    ${tail.left > 0 && html`<p class="quiet">The last ${tail.lines.length} of ${tail.left + tail.lines.length} lines${tail.isOfKey ? " of this key" : ""}</p>`}
    <pre ref=${end} tabindex="0" aria-label="Log">${tail.lines.map(({ text, isError }, at) => html`<span key=${at} class=${isError ? "is-error" : ""}>${text}${"\n"}</span>`)}</pre>
  `;
}
