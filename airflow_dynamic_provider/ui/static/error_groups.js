/**
 * Why keys failed: their errors in groups, each of which the viewer can show alone or clear.
 */

import { getErrors } from "./api.js";
import { Cut, Failure, formatCount, several } from "./parts.js";
import { usePolling } from "./polling.js";
import { html } from "./vendor/preact.js";

/** @typedef {import("wire").ErrorGroup} ErrorGroup */
/** @typedef {import("wire").ErrorGroups} Groups */

/**
 * @param {{place: import("./address.js").Place, of: string, failed: number, chosen: string, onChoose: (group: string) => void, onClear: (group: string) => void}} properties
 *   failed: The number of failed keys; when it changes, the errors are asked for again. chosen: The group that is shown alone.
 */
export function Errors({ place, of, failed, chosen, onChoose, onClear }) {
  const { data, error } = usePolling((signal) => getErrors(place, of, signal), JSON.stringify([of, failed]), () => null);
  if (error) {
    return html`<${Failure} error=${error} />`;
  }
  if (!data?.groups.length) {
    return null;
  }
  const [first] = data.groups;
  return html`<details class="errors" open=${chosen !== ""}>
    <summary>
      <span class="errors-count">${wordsOf(data)}</span>
      ${first && html`<${Cut} text=${data.groups.length > 1 ? `The most frequent: ${first.error}` : first.error} class="is-code" />`}
    </summary>
    <ul>
      ${data.groups.map(
        (group) => html`<${Group}
          key=${group.group}
          group=${group}
          isChosen=${group.group === chosen}
          onChoose=${() => onChoose(group.group === chosen ? "" : group.group)}
          onClear=${() => onClear(group.group)}
        />`,
      )}
    </ul>
    ${leftOut(data) && html`<p class="quiet">${leftOut(data)}</p>`}
  </details>`;
}

/**
 * @param {{group: ErrorGroup, isChosen: boolean, onChoose: () => void, onClear: () => void}} properties
 */
function Group({ group, isChosen, onChoose, onClear }) {
  const { count, error, names, task_id } = group;
  const more = count > names.length ? ` and ${formatCount(count - names.length)} more` : "";
  return html`<li class=${isChosen ? "error-group is-chosen" : "error-group"}>
    <b class="number">${formatCount(count)}</b>
    <span class="error-text" title=${error}>
      <span class="is-code">${error}</span>
      <span class="quiet">${task_id} · ${names.join(", ")}${more}</span>
    </span>
    <button type="button" class="plain-button" aria-pressed=${isChosen ? "true" : "false"} aria-label=${`Show only keys with this error: ${error.slice(0, 100)}`} onClick=${onChoose}>
      ${isChosen ? "Show all keys" : "Show only these"}
    </button>
    <button type="button" class="plain-button" aria-label=${`Clear the keys with this error: ${error.slice(0, 100)}`} onClick=${onClear}>Clear these</button>
  </li>`;
}

/** @param {Groups} groups */
function wordsOf({ groups, more_groups: more }) {
  const failures = groups.reduce((sum, { count }) => sum + count, 0);
  const all = `${several(failures, "failure")}${more ? " and more" : ""}`;
  return groups.length === 1 && !more ? `${all}, all with one error` : `${all}, ${formatCount(groups.length + more)} different errors`;
}

/** @param {Groups} groups */
function leftOut({ more_groups: more, left_out: unread }) {
  return [
    more > 0 && `${several(more, "more error")} with fewer keys ${more === 1 ? "is" : "are"} not shown.`,
    unread > 0 && `The errors of ${several(unread, "more failure")} were not read.`,
  ]
    .filter(Boolean)
    .join(" ");
}
