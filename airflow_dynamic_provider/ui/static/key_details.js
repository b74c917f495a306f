/**
 * The details of one key, below its row: its position, what batches stored about it, and the metadata that its producer attached.
 */

import { getKeyMetadata } from "./api.js";
import { CopyButton } from "./copy_button.js";
import { viewHref } from "./host.js";
import { KeyHistory } from "./key_history.js";
import { KeyLogs } from "./key_logs.js";
import { marked } from "./key_text.js";
import { MetadataList } from "./metadata/list.js";
import { Failure, Loading } from "./parts.js";
import { usePolling } from "./polling.js";
import { html, useEffect, useRef } from "./vendor/preact.js";

/**
 * @param {{place: import("./address.js").Place, of: string, row: import("wire").Row}} properties
 */
export function KeyDetails({ place, of, row }) {
  const { data, error } = usePolling(
    (signal) => getKeyMetadata(place, of, row.key_path, signal),
    JSON.stringify([of, row.key_path]),
    () => null,
  );
  const details = useRef(/** @type {HTMLDivElement | null} */ (null));
  // Those of the last row would be below the edge, and they grow when the answer comes.
  useEffect(() => details.current?.scrollIntoView({ block: "nearest" }), [data !== null]);
  return html`<div class="key-details" ref=${details}>
    <p class="quiet">
      Key <code class="whole">${marked(row.key_path.join(" / "))}</code>${row.position !== null && ` · number ${row.position + 1} as produced`}
    </p>
    ${Object.values(row.cells).map((cell) => {
      const text = cell && (cell.error ?? cell.reason);
      return text && html`<p key=${cell.task_id}><b>${cell.task_id}</b>: <span class="whole">${text}</span></p>`;
    })}
    <p class="key-tools">
      <${CopyButton} label="Copy key" text=${() => row.key} />
      <${CopyButton} label="Copy link to this view" text=${viewHref} />
    </p>
    <${KeyHistory} place=${place} of=${of} path=${row.key_path} />
    <${KeyLogs} place=${place} row=${row} />
    ${data
      ? html`<${MetadataList} metadata=${data} place=${place} empty="Its producer attached no metadata." />`
      : error
        ? html`<${Failure} error=${error} />`
        : html`<${Loading} what="metadata" />`}
  </div>`;
}
