/**
 * The details of one key, below its row: its position, what batches stored about it, and the metadata that its producer attached.
 */

import { getKeyMetadata } from "./api.js";
import { MetadataList } from "./metadata/list.js";
import { Failure, Loading } from "./parts.js";
import { usePolling } from "./polling.js";
import { html } from "./vendor/preact.js";

/**
 * @param {{place: import("./address.js").Place, of: string, row: import("wire").Row}} properties
 */
export function KeyDetails({ place, of, row }) {
  const { data, error } = usePolling(
    (signal) => getKeyMetadata(place, of, row.key_path, signal),
    JSON.stringify([of, row.key_path]),
    () => null,
  );
  const path = row.key_path.length > 1 ? row.key_path : null;
  return html`<div class="key-details">
    <p class="quiet">
      Key <code class="whole">${path ? path.join(" / ") : row.key}</code>${row.position !== null && ` · number ${row.position + 1} as produced`}
    </p>
    ${Object.values(row.cells).map((cell) => {
      const text = cell && (cell.error ?? cell.reason);
      return text && html`<p key=${cell.task_id}><b>${cell.task_id}</b>: <span class="whole">${text}</span></p>`;
    })}
    ${data
      ? html`<${MetadataList} metadata=${data} place=${place} empty="Its producer attached no metadata." />`
      : error
        ? html`<${Failure} error=${error} />`
        : html`<${Loading} what="metadata" />`}
  </div>`;
}
