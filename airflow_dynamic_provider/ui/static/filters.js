/**
 * The filter by state: a chip for each state, with its count.
 */

import { formatCount, Picture } from "./parts.js";
import { inOrder, nameOf, pictureOf, wordsOf } from "./states.js";
import { html } from "./vendor/preact.js";

/**
 * @param {{counts: Record<string, number>, chosen: string[], onChoose: (states: string[]) => void}} properties
 */
export function StateChips({ counts, chosen, onChoose }) {
  const missing = chosen.filter((state) => !counts[state]).map((state) => /** @type {[string, number]} */ ([state, 0]));
  const toggle = (/** @type {string} */ state) =>
    onChoose(chosen.includes(state) ? chosen.filter((each) => each !== state) : [...chosen, state]);
  return html`<div class="chips" role="group" aria-label="Filter by state">
    ${[...inOrder(counts), ...missing].map(
      ([state, count]) => html`<button
        key=${state}
        type="button"
        class="chip is-${nameOf(state)}"
        aria-pressed=${chosen.includes(state) ? "true" : "false"}
        title=${`Show only ${wordsOf(state)}`}
        onClick=${() => toggle(state)}
      >
        <span class="state-square is-${nameOf(state)}"><${Picture} path=${pictureOf(state)} size=${10} /></span>
        <span class="word">${wordsOf(state)}</span> <b>${formatCount(count)}</b>
      </button>`,
    )}
    ${chosen.length > 0 && html`<button type="button" class="plain-button" onClick=${() => onChoose([])}>All states</button>`}
  </div>`;
}
