/**
 * Charts of the numbers that tasks attached to the keys of a run: one number as bars, two as points.
 */

import { filterOf, getRunNumbers } from "./api.js";
import { Failure, Loading, Notice, SearchBox, several } from "./parts.js";
import { formatNumber } from "./plots.js";
import { KeyText } from "./key_text.js";
import { LIVE, ON_RETURN, usePolling } from "./polling.js";
import { Scatter } from "./scatter.js";
import { html } from "./vendor/preact.js";
import { VirtualRows } from "./virtual_rows.js";

/** @typedef {import("wire").RunNumbers["numbers"][number]} KeyNumbers */
/** @typedef {import("./address.js").View} View */

/** The metadata of many keys is a large answer. */
const PAUSE = 5 * LIVE;

/** The height of a bar's row in pixels, as the style sheet has it. */
const HEIGHT = 22;

/**
 * @param {{place: import("./address.js").Place, view: View, change: (part: Partial<View>) => void, switcher: unknown}} properties
 */
export function ChartsView({ place, view, change, switcher }) {
  const { of, search } = view;
  const { data, error } = usePolling(
    (signal) => getRunNumbers(place, view, signal),
    JSON.stringify([of, filterOf(view)]),
    ({ is_running }) => (is_running ? PAUSE : ON_RETURN),
  );
  const [one, other] = data ? chosenOf(data.numbers, view.numbers) : [];
  const choose = (/** @type {(string | undefined)[]} */ names) => change({ numbers: names.flatMap((each) => each || []) });
  return html`
    <div class="toolbar">
      ${switcher}
      <${SearchBox} value=${search} label="Search keys" onSearch=${(/** @type {string} */ text) => change({ search: text, offset: 0 })} />
      ${data && one && html`
        <${Choice} label="Number" numbers=${data.numbers} chosen=${one} onChoose=${(/** @type {string} */ name) => choose([name, other && idOf(other)])} />
        <${Choice} label="against" numbers=${data.numbers.filter((each) => each !== one)} chosen=${other} none="nothing" onChoose=${(/** @type {string} */ name) => choose([idOf(one), name])} />
      `}
      <div class="actions"><span class="quiet">${data && several(data.keys.length, "key")}</span></div>
    </div>
    ${error && html`<${Failure} error=${error} />`}
    ${!data && !error && html`<${Loading} what="numbers" />`}
    ${data?.message && html`<${Notice}>${data.message}<//>`}
    ${data && !one && html`<${Notice} title="No numbers">The metadata of these keys has no numbers. Attach one: <code>metadata=${"{"}"rows": 12}</code>.<//>`}
    ${data && one && !other && html`<${Bars} keys=${data.keys} number=${one} />`}
    ${data && one && other && html`<${Scatter} keys=${data.keys} across=${one} up=${other} />`}
  `;
}

/** @param {KeyNumbers} number */
function idOf({ label, task_id, output }) {
  return JSON.stringify([label, task_id, output]);
}

/** @param {KeyNumbers} number */
export function titleOf({ label, task_id }) {
  return `${label} (${task_id})`;
}

/**
 * Return the chosen numbers: the first if none is chosen that exists.
 *
 * @param {KeyNumbers[]} numbers
 * @param {string[]} names
 * @returns {(KeyNumbers | undefined)[]}
 */
function chosenOf(numbers, names) {
  const [first, second] = names.map((name) => numbers.find((each) => idOf(each) === name));
  return [first ?? numbers[0], first && second];
}

/**
 * @param {{label: string, numbers: KeyNumbers[], chosen: KeyNumbers | undefined, none?: string, onChoose: (name: string) => void}} properties
 */
function Choice({ label, numbers, chosen, none, onChoose }) {
  return html`<label class="select-label">${label}
    <select value=${chosen ? idOf(chosen) : ""} onChange=${(/** @type {any} */ event) => onChoose(event.target.value)}>
      ${none && html`<option value="">${none}</option>`}
      ${numbers.map((each) => html`<option key=${idOf(each)} value=${idOf(each)}>${titleOf(each)}</option>`)}
    </select>
  </label>`;
}

/** @param {{keys: string[][], number: KeyNumbers}} properties */
function Bars({ keys, number }) {
  const rows = keys
    .map((path, at) => ({ name: path.join("/"), value: number.values[at] ?? null }))
    .filter(({ value }) => value !== null)
    .sort((one, other) => (other.value ?? 0) - (one.value ?? 0));
  const most = rows.reduce((found, { value }) => Math.max(found, Math.abs(value ?? 0)), 0) || 1;
  const bar = (/** @type {number} */ at) => {
    const { name, value } = rows[at] ?? { name: "", value: 0 };
    return html`<div class="bar-row">
      <${KeyText} text=${name} />
      <span class="bar-room"><i class=${(value ?? 0) < 0 ? "bar is-negative" : "bar"} style=${{ width: `${(Math.abs(value ?? 0) / most) * 100}%` }}></i></span>
      <span class="number">${formatNumber(value)}</span>
    </div>`;
  };
  return html`<div class="timeline">
    <p class="bars-title quiet">${titleOf(number)}, the greatest first${rows.length < keys.length && `; ${several(keys.length - rows.length, "key")} without it`}</p>
    <${VirtualRows} count=${rows.length} height=${HEIGHT} label=${titleOf(number)} render=${bar} />
  </div>`;
}
