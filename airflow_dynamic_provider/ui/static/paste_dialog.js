/**
 * The dialog that selects the keys of a pasted list.
 */

import { findKeys } from "./api.js";
import { formatCount, Notice, several } from "./parts.js";
import { html, useEffect, useRef, useState } from "./vendor/preact.js";

/** The number of missing names that the dialog shows. */
const SHOWN = 20;

/**
 * @param {{place: import("./address.js").Place, of: string, onFound: (keys: string[][]) => void, onClose: () => void}} properties
 */
export function PasteDialog({ place, of, onFound, onClose }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [text, setText] = useState("");
  const [found, setFound] = useState(/** @type {import("wire").FoundKeys} */ ({ keys: [], missing: [] }));
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current?.showModal();
    return () => before?.focus();
  }, []);
  const names = namesOf(text);
  const select = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      const answer = await findKeys(place, of, names);
      onFound(answer.keys);
      setFound(answer);
      setProblem("");
      if (!answer.missing.length) {
        dialog.current?.close();
      }
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  };
  return html`<dialog ref=${dialog} class="dialog" aria-labelledby="paste-title" onClose=${onClose}>
    <form onSubmit=${select}>
      <h2 id="paste-title">Select keys from a list</h2>
      <div class="dialog-body">
        <label class="paste">
          <span class="quiet">One key in each line</span>
          <textarea rows="10" spellcheck=${false} value=${text} onInput=${(/** @type {any} */ event) => setText(event.target.value)}></textarea>
        </label>
        ${found.missing.length > 0 && html`<${Missing} found=${found} />`}
        ${problem && html`<${Notice} tone="error">${problem}<//>`}
      </div>
      <footer class="dialog-buttons">
        <button type="button" class="button" onClick=${() => dialog.current?.close()}>Close</button>
        <button type="submit" class="button is-main" disabled=${!names.length}>Select${names.length ? ` ${several(names.length, "key")}` : ""}</button>
      </footer>
    </form>
  </dialog>`;
}

/** @param {{found: import("wire").FoundKeys}} properties */
function Missing({ found: { keys, missing } }) {
  const rest = keys.length ? ` The other ${several(keys.length, "key")} ${keys.length === 1 ? "is" : "are"} selected.` : "";
  const title = `${several(missing.length, "name")} of the list ${missing.length === 1 ? "is no key" : "are no keys"} of this run.${rest}`;
  const more = missing.length > SHOWN ? `\nand ${formatCount(missing.length - SHOWN)} more` : "";
  return html`<${Notice} tone="warning" title=${title}><span class="whole">${missing.slice(0, SHOWN).join("\n")}${more}</span><//>`;
}

/**
 * Return the lines of a text that are not empty. Blanks around a key are part of it only in JSON.
 *
 * @param {string} text
 */
export function namesOf(text) {
  return [...new Set(text.split(/\r?\n/).map((line) => line.trim()).filter(Boolean))];
}
