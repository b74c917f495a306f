/**
 * Small components that all pages use.
 */

import { followLink, onKeyAnywhere } from "./host.js";
import { inOrder, nameOf, pictureOf, wordsOf } from "./states.js";
import { html, useEffect, useRef, useState } from "./vendor/preact.js";

/** @typedef {import("./states.js").State} State */
/** @typedef {import("./vendor/preact.js").ComponentChildren} Children */

/** Milliseconds between the last letter and the start of a search. */
const DEBOUNCE = 250;

/**
 * A link that works from inside the iframe. It leads into Airflow, or with isForeign to another host.
 *
 * @param {{href: string, isForeign?: boolean, children?: Children, [attribute: string]: unknown}} properties
 */
export function Link({ href, isForeign = false, children, ...rest }) {
  const foreign = isForeign ? { target: "_blank", rel: "noopener noreferrer" } : {};
  return html`<a href=${href} ...${foreign} ...${rest} onClick=${followLink} onAuxClick=${followMiddle}>${children}</a>`;
}

/** @param {MouseEvent} event */
function followMiddle(event) {
  if (event.button === 1) {
    followLink(event);
  }
}

/** @param {{path: string, size?: number}} properties  Strokes in a box of 16 by 16. */
export function Picture({ path, size = 14 }) {
  return html`<svg class="picture" width=${size} height=${size} viewBox="0 0 16 16" aria-hidden="true">
    <path d=${path} />
  </svg>`;
}

/** @param {{state: State | undefined, size?: number}} properties */
export function StateSquare({ state, size = 14 }) {
  return html`<span class="state-square is-${nameOf(state)}"><${Picture} path=${pictureOf(state)} size=${size} /></span>`;
}

/** @param {{state: State | undefined}} properties */
export function StateBadge({ state }) {
  return html`<span class="state-badge is-${nameOf(state)}">
    <${Picture} path=${pictureOf(state)} /><span>${wordsOf(state)}</span>
  </span>`;
}

/**
 * The counts of states as one bar.
 *
 * @param {{counts: Record<string, number>}} properties
 */
export function StateBar({ counts }) {
  const ordered = inOrder(counts);
  const words = ordered.map(([state, count]) => `${formatCount(count)} ${wordsOf(state)}`).join(", ");
  return html`<span class="state-bar" role="img" aria-label=${words || "nothing"} title=${words}>
    ${ordered.map(([state, count]) => html`<i key=${state} class="is-${nameOf(state)}" style=${{ flexGrow: count }}></i>`)}
  </span>`;
}

/**
 * A notice in place of content that cannot be shown.
 *
 * @param {{title?: Children, tone?: "plain" | "warning" | "error", children?: Children}} properties
 */
export function Notice({ title, tone = "plain", children }) {
  return html`<div class="notice is-${tone}" role=${tone === "error" ? "alert" : "status"}>
    ${title && html`<strong>${title}</strong>`}
    <div>${children}</div>
  </div>`;
}

/** @param {{what: string}} properties */
export function Loading({ what }) {
  return html`<div class="loading" role="status"><span class="spinner" aria-hidden="true"></span>Loading ${what} …</div>`;
}

/** The meaning of each status of a response, and what to do. */
const FAILURES = /** @type {Record<number, [string, string]>} */ ({
  0: ["The server does not answer", "Trying again every few seconds. This page may be out of date."],
  401: ["You are no longer logged in", "Log in to Airflow again, and come back to this page."],
  403: ["You may not see this", "Your user has no permission to read task instances of this Dag. An administrator can grant it."],
  404: ["Not found", "The run may have been deleted, or the Dag has changed."],
  409: ["Another release of the provider stored this", "Use the same release on the workers and on the API server."],
});

/** @param {{error: import("./api.js").ApiError}} properties */
export function Failure({ error }) {
  const [title, advice] = FAILURES[error.status] ?? [
    "The server could not answer",
    error.status < 500
      ? "Change the request, or load the page again."
      : "Trying again every few seconds. The log of the API server says more.",
  ];
  const detail = error.message && error.status !== 0 ? `${error.message.replace(/\.?$/, ".")} ` : "";
  return html`<${Notice} title=${title} tone="error">${detail}${advice}<//>`;
}

/**
 * A search box that waits until the viewer stops typing.
 *
 * @param {{value: string, label: string, onSearch: (text: string) => void}} properties
 */
export function SearchBox({ value, label, onSearch }) {
  const [text, setText] = useState(value);
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    const timer = setTimeout(() => text !== value && onSearch(text), DEBOUNCE);
    return () => clearTimeout(timer);
  }, [text]);
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "/" && !isTyping(event.target) && !document.querySelector("dialog[open]")) {
        event.preventDefault();
        window.focus();
        input.current?.focus();
      }
    };
    return onKeyAnywhere(onKey);
  }, []);
  return html`<label class="search">
    <${Picture} path="M7 2.5a4.5 4.5 0 1 1 0 9a4.5 4.5 0 0 1 0-9zM10.3 10.3L14 14" />
    <input
      ref=${input}
      type="search"
      value=${text}
      placeholder=${label}
      aria-label=${label}
      aria-keyshortcuts="/"
      maxlength="250"
      onInput=${(/** @type {any} */ event) => setText(event.target.value)}
    />
    <kbd aria-hidden="true">/</kbd>
  </label>`;
}

/**
 * @param {{total: number, offset: number, limit: number, what: string, onOffset: (offset: number) => void}} properties
 */
export function Pager({ total, offset, limit, what, onOffset }) {
  const last = Math.min(total, offset + limit);
  const isWhole = offset === 0 && total <= limit;
  const step = (/** @type {number} */ to, /** @type {string} */ label, /** @type {string} */ path, /** @type {boolean} */ isOff) =>
    html`<button type="button" class="icon-button" aria-label=${label} title=${label} disabled=${isOff} onClick=${() => onOffset(to)}>
      <${Picture} path=${path} />
    </button>`;
  const end = Math.max(0, Math.floor((total - 1) / limit) * limit);
  return html`<nav class="pager" aria-label="Pages">
    <span>${!isWhole && `${formatCount(offset + 1)}–${formatCount(last)} of `}${several(total, what)}</span>
    ${!isWhole && [step(0, "First page", "M12 3.5L7.5 8l4.5 4.5M4 3.5v9", offset === 0),
    step(Math.max(0, offset - limit), "Previous page", "M10 3.5L5.5 8l4.5 4.5", offset === 0),
    step(offset + limit, "Next page", "M6 3.5L10.5 8L6 12.5", last >= total),
    step(end, "Last page", "M4 3.5L8.5 8L4 12.5M12 3.5v9", last >= total)]}
  </nav>`;
}

/**
 * Text that may be too long for its place. The style sheet cuts it; its title has all of it.
 *
 * @param {{text: string, title?: string, class?: string}} properties
 */
export function Cut({ text, title = text, class: name = "" }) {
  return html`<span class="cut ${name}" title=${title.slice(0, 1000)}>${text}</span>`;
}

/**
 * Invisible text that screen readers announce when it changes.
 *
 * @param {{text: string}} properties
 */
export function Spoken({ text }) {
  return html`<div class="visually-hidden" role="status" aria-live="polite">${text}</div>`;
}

/**
 * Return a count with thousands separators.
 *
 * @param {number} count
 * @returns {string}
 */
export function formatCount(count) {
  return count.toLocaleString("en");
}

/**
 * Return a count with its noun: "1 key", "12 keys".
 *
 * @param {number} count
 * @param {string} one
 * @returns {string}
 */
export function several(count, one) {
  return `${formatCount(count)} ${one}${count === 1 ? "" : "s"}`;
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  // An element of the window around the frame is of another class HTMLElement.
  const element = /** @type {HTMLElement | null} */ (target);
  return Boolean(element?.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable=true], [role=textbox]"));
}
