/**
 * A button that opens a list of actions.
 */

import { Picture } from "./parts.js";
import { html, useRef } from "./vendor/preact.js";

/** @typedef {import("./vendor/preact.js").ComponentChildren} Children */

/**
 * The actions are list items with a link or a button in each. A click on one of them closes the list.
 *
 * @param {{label: string, path: string, children?: Children}} properties  path: The strokes of its picture.
 */
export function Menu({ label, path, children }) {
  const menu = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  const close = () => menu.current?.removeAttribute("open");
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape") {
      close();
      menu.current?.querySelector("summary")?.focus();
    }
  };
  const onClick = (/** @type {MouseEvent} */ event) => event.target instanceof Element && event.target.closest("li") && close();
  const onBlur = (/** @type {FocusEvent} */ event) => menu.current?.contains(/** @type {Node} */ (event.relatedTarget)) || close();
  return html`<details class="menu" ref=${menu} onKeyDown=${onKey} onFocusOut=${onBlur} onClick=${onClick}>
    <summary class="button"><${Picture} path=${path} /> <span class="word">${label}</span></summary>
    <ul>${children}</ul>
  </details>`;
}
