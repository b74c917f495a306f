/**
 * Numeric metadata over the last runs, of selected keys or of all.
 */

import { getHistory, getNumbers } from "./api.js";
import { Cut, Failure, Loading, Notice, Picture } from "./parts.js";
import { Plot } from "./plots.js";
import { ON_RETURN, usePolling } from "./polling.js";
import { isOver } from "./states.js";
import { html, useEffect, useRef, useState } from "./vendor/preact.js";

/** @typedef {import("./api.js").KeyPath} KeyPath */
/** @typedef {import("./address.js").Place} Place */
/** @typedef {import("./address.js").View} View */

/** The number of lines whose colours differ. */
const MOST_KEYS = 6;

const PAUSE = 30000;

/** @param {{place: Place, of: string, view: View, change: (part: Partial<View>) => void}} properties */
export function NumbersView({ place, of, view, change }) {
  const keys = keysOf(view.key);
  const { data, error, isLoading } = usePolling(
    (signal) => getNumbers(place, { of, keys }, signal),
    JSON.stringify([of, keys]),
    ({ runs }) => (runs.every(({ state }) => isOver(state)) ? ON_RETURN : PAUSE),
  );
  const setKeys = (/** @type {KeyPath[]} */ paths) => change({ key: paths.length ? JSON.stringify(paths) : "" });
  return html`<section class="section" aria-label="Numbers">
    <div class="toolbar">
      <h2>Numbers over runs</h2>
      <${KeyChooser} place=${place} of=${of} keys=${keys} onKeys=${setKeys} />
    </div>
    ${error && html`<${Failure} error=${error} />`}
    ${!data && !error && html`<${Loading} what="numbers" />`}
    ${data?.message && html`<${Notice}>${data.message}<//>`}
    ${data && !data.labels.length && !data.message && html`<${Notice}>The metadata of these keys has no numbers. Attach one: <code>metadata=${"{"}"rows": 12}</code>.<//>`}
    ${data && html`<div class="plots" aria-busy=${isLoading ? "true" : "false"}>
      ${data.labels.map((label) => html`<${Plot} key=${`${label.task_id} ${label.output} ${label.label}`} runs=${data.runs} label=${label} isSummary=${keys.length === 0} />`)}
    </div>`}
  </section>`;
}

/** @param {{place: Place, of: string, keys: KeyPath[], onKeys: (keys: KeyPath[]) => void}} properties */
function KeyChooser({ place, of, keys, onKeys }) {
  return html`<div class="key-chooser">
    ${keys.length === 0 && html`<span class="quiet">All keys: minimum, median, maximum</span>`}
    ${keys.map(
      (path) => html`<span key=${JSON.stringify(path)} class="chosen-key">
        <${Cut} text=${path.join("/")} />
        <button type="button" aria-label=${`Leave out ${path.join("/")}`} onClick=${() => onKeys(keys.filter((each) => each !== path))}><${Picture} path="M4.5 4.5l7 7M11.5 4.5l-7 7" size=${10} /></button>
      </span>`,
    )}
    ${keys.length > 0 && html`<button type="button" class="plain-button" onClick=${() => onKeys([])}>All keys</button>`}
    ${keys.length < MOST_KEYS && html`<${KeyInput} place=${place} of=${of} onKey=${(/** @type {KeyPath} */ path) => onKeys([...keys.filter((each) => JSON.stringify(each) !== JSON.stringify(path)), path])} />`}
  </div>`;
}

/** @param {{place: Place, of: string, onKey: (path: KeyPath) => void}} properties */
function KeyInput({ place, of, onKey }) {
  const [text, setText] = useState("");
  const [answer, setAnswer] = useState(/** @type {{text: string, rows: {key: string, key_path: KeyPath}[]}} */ ({ text: "", rows: [] }));
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  useEffect(() => {
    if (!isOpen) {
      return undefined;
    }
    const abort = new AbortController();
    const timer = setTimeout(async () => {
      const page = await getHistory(place, { of, search: text, limit: 8 }, abort.signal).catch(() => null);
      setAnswer({ text, rows: page?.rows ?? [] });
      setAt(0);
    }, 200);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [text, isOpen]);
  // Ignore the results of an earlier search.
  const found = answer.text === text ? answer.rows : [];
  const take = (/** @type {{key_path: KeyPath} | undefined} */ each) => {
    if (each) {
      onKey(each.key_path);
      setText("");
      setOpen(false);
    }
  };
  const onKeyDown = (/** @type {KeyboardEvent} */ event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      setOpen(true);
      setAt((before) => Math.min(Math.max(before + step, 0), found.length - 1));
    } else if (event.key === "Enter" && isOpen) {
      take(found[at]);
    } else if (event.key === "Escape") {
      setOpen(false);
    }
  };
  const isShown = isOpen && found.length > 0;
  return html`<div class="combobox" ref=${box} onFocusOut=${(/** @type {FocusEvent} */ event) => box.current?.contains(/** @type {Node} */ (event.relatedTarget)) || setOpen(false)}>
    <input
      type="text"
      role="combobox"
      aria-label="Add a key"
      aria-autocomplete="list"
      aria-expanded=${isShown ? "true" : "false"}
      aria-controls="key-options"
      aria-activedescendant=${isShown ? `key-option-${at}` : undefined}
      placeholder="Add a key …"
      value=${text}
      onFocus=${() => setOpen(true)}
      onInput=${(/** @type {any} */ event) => (setText(event.target.value), setOpen(true))}
      onKeyDown=${onKeyDown}
    />
    ${isShown && html`<ul id="key-options" role="listbox" aria-label="Keys">
      ${found.map(
        (each, position) => html`<li
          key=${JSON.stringify(each.key_path)}
          id=${`key-option-${position}`}
          role="option"
          aria-selected=${position === at ? "true" : "false"}
          onMouseDown=${(/** @type {MouseEvent} */ event) => (event.preventDefault(), take(each))}
        ><${Cut} text=${each.key} /></li>`,
      )}
    </ul>`}
  </div>`;
}

/**
 * @param {string} text  Key paths as JSON.
 * @returns {KeyPath[]}
 */
export function keysOf(text) {
  try {
    const paths = JSON.parse(text || "[]");
    const isPath = (/** @type {unknown} */ path) => Array.isArray(path) && path.every((part) => typeof part === "string");
    return Array.isArray(paths) ? paths.filter(isPath).slice(0, MOST_KEYS) : [];
  } catch {
    return [];
  }
}
