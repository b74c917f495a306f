/**
 * A key as text in which every blank can be seen: those at its ends, and those beside each other, are marked. A
 * browser would show "a b" and "a  b" alike.
 */

import { html } from "./vendor/preact.js";

/** Blanks that would not be seen: at an end, beside another one, or of an unusual kind. */
const HIDDEN = /^\s+|\s+$|\s{2,}|[^\S ]/g;

/** Blank -> its mark. Other blanks have the mark of an open box. */
const MARKS = /** @type {Record<string, string>} */ ({ "\t": "⇥", "\n": "↵", "\r": "␍", "\u00a0": "⍽" });

/**
 * @param {{text: string, title?: string, class?: string}} properties  It is cut like other long text, and its title has all of it.
 */
export function KeyText({ text, title = text, class: name = "" }) {
  return html`<span class="cut key-text ${name}" title=${title.slice(0, 1000)}>${marked(text)}</span>`;
}

/**
 * Return the parts of a key, with an element in place of blanks that would not be seen.
 *
 * @param {string} text
 * @returns {unknown[]}
 */
export function marked(text) {
  if (text === "") {
    return [html`<i class="blank" data-mark="empty"></i>`];
  }
  /** @type {unknown[]} */
  const parts = [];
  let end = 0;
  for (const { 0: blanks, index } of text.matchAll(HIDDEN)) {
    parts.push(text.slice(end, index), ...[...blanks].map(markedBlank));
    end = index + blanks.length;
  }
  return [...parts, text.slice(end)];
}

/**
 * The blank itself stays in the text, so that a copy of the text is the key.
 *
 * @param {string} blank
 */
function markedBlank(blank) {
  return html`<i class="blank" data-mark=${MARKS[blank] ?? "␣"}>${blank}</i>`;
}
