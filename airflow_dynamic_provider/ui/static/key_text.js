/**
 * A key as text in which every blank can be seen: those at its ends, and those beside each other, are marked. A
 * browser would show "a b" and "a  b" alike.
 */

import { html } from "./vendor/preact.js";

/** Blanks that would not be seen: at an end, beside another one, or of an unusual kind. */
const HIDDEN = /^\s+|\s+$|\s{2,}|[^\S ]/g;

/** Blank -> its mark. Other blanks have the mark of an open box. */
const MARKS = /** @type {Record<string, string>} */ ({ "\t": "⇥", "\n": "↵", "\r": "␍", "\u00a0": "⍽" });

/** Of a longer key, the end stays visible: the keys of a run often differ only there. */
const END = 12;

/**
 * A key, cut before its end if there is too little room. Its title has all of it.
 *
 * @param {{text: string, title?: string}} properties
 */
export function KeyText({ text, title = text }) {
  const characters = [...text];
  const isLong = characters.length > 2 * END;
  const start = isLong ? characters.slice(0, -END).join("") : text;
  return html`<span class="key-text" title=${title.slice(0, 1000)}>
    <span class="cut">${marked(start)}</span>${isLong && html`<span>${marked(characters.slice(-END).join(""))}</span>`}
  </span>`;
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
