/**
 * Why keys failed: their errors in groups, each of which the viewer can show alone or clear.
 */

import { getErrors } from "./api.js";
import { Cut, Failure, formatCount, several } from "./parts.js";
import { usePolling } from "./polling.js";
import { html, useState } from "./vendor/preact.js";

/** @typedef {import("wire").ErrorGroup} ErrorGroup */
/** @typedef {import("wire").ErrorGroups} Groups */

/**
 * @param {{place: import("./address.js").Place, of: string, failed: number, chosen: string, onChoose: (group: string) => void, onClear: (group: string) => void}} properties
 *   failed: The number of failed keys; when it changes, the errors are asked for again. chosen: The group that is shown alone.
 */
export function Errors({ place, of, failed, chosen, onChoose, onClear }) {
  const [isOpen, setOpen] = useState(false);
  const { data, error } = usePolling((signal) => getErrors(place, of, signal), JSON.stringify([of, failed]), () => null);
  if (error) {
    return html`<${Failure} error=${error} />`;
  }
  if (!data?.groups.length) {
    return null;
  }
  const { groups } = data;
  // The most frequent error, and the one that the viewer has chosen, are always there.
  const shown = groups.filter((group, at) => isOpen || at === 0 || group.group === chosen);
  return html`<section class="errors" aria-label="Errors">
    <ul>
      ${shown.map(
        (group) => html`<${Group}
          key=${group.group}
          group=${group}
          isChosen=${group.group === chosen}
          onChoose=${() => onChoose(group.group === chosen ? "" : group.group)}
          onClear=${() => onClear(group.group)}
        />`,
      )}
    </ul>
    ${groups.length > 1 &&
    html`<button type="button" class="plain-button" aria-expanded=${isOpen ? "true" : "false"} onClick=${() => setOpen(!isOpen)}>
      ${isOpen ? "Show only the most frequent error" : `Show all ${formatCount(groups.length)} errors`}
    </button>`}
    ${isOpen && leftOut(data) && html`<p class="quiet">${leftOut(data)}</p>`}
  </section>`;
}

/**
 * @param {{group: ErrorGroup, isChosen: boolean, onChoose: () => void, onClear: () => void}} properties
 */
function Group({ group, isChosen, onChoose, onClear }) {
  const { count, error, names, task_id } = group;
  const more = count > names.length ? ` and ${formatCount(count - names.length)} more` : "";
  const about = `${task_id} · ${names.join(", ")}${more}`;
  const beginning = error.slice(0, 100);
  return html`<li class=${isChosen ? "error-group is-chosen" : "error-group"}>
    <b class="number" title=${several(count, "failure")}>${formatCount(count)}</b>
    <${Cut} text=${error} class="is-code" />
    <${Cut} text=${about} class="quiet" />
    <span class="error-buttons">
      <button type="button" class="plain-button" aria-pressed=${isChosen ? "true" : "false"} aria-label=${`Show only keys with this error: ${beginning}`} onClick=${onChoose}>
        ${isChosen ? "Show all keys" : "Show only these"}
      </button>
      <button type="button" class="plain-button" aria-label=${`Clear the keys with this error: ${beginning}`} onClick=${onClear}>Clear these</button>
    </span>
  </li>`;
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
