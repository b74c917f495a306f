/**
 * Everything that touches the window around this page: Airflow's UI, which shows it in an iframe of the same origin.
 *
 * Outside Airflow's UI, all of it works with the browser's own preferences.
 */

import { knownZone } from "./time.js";

/** The colours of Airflow's theme. css/theme.css has the same names, and defaults for missing ones. */
const COLORS = [
  ...["bg", "bg-subtle", "bg-muted", "bg-emphasized", "bg-panel", "fg", "fg-muted", "fg-subtle", "fg-error", "fg-info"],
  ...["border", "border-muted", "border-emphasized", "brand-solid", "brand-contrast", "brand-fg", "brand-muted"],
  ...["brand-subtle", "brand-emphasized", "brand-focus-ring", "warning-subtle", "warning-fg", "error-subtle", "error-fg"],
  ...["success-solid", "failed-solid", "upstream_failed-solid", "up_for_retry-solid", "up_for_reschedule-solid"],
  ...["running-solid", "restarting-solid", "deferred-solid", "awaiting_input-solid", "queued-solid", "scheduled-solid"],
  ...["none-solid", "removed-solid", "skipped-solid"],
];

const FONTS = ["fonts-body", "fonts-mono"];

/**
 * Milliseconds that Airflow's router may take to leave this page, before the browser reloads the window. A reload on
 * a slow host takes longer than waiting for the router.
 */
const PATIENCE = 8000;

/** The window of Airflow's UI, or this one. */
const outer = outerWindow();
const isInside = outer !== window;

/** @type {Set<() => void>} */
const themeListeners = new Set();

/** Use Airflow's colours, fonts and mode, now and after each change. */
export function followTheme() {
  const preference = matchMedia("(prefers-color-scheme: dark)");
  if (isInside) {
    const watcher = new MutationObserver(applyTheme);
    watcher.observe(outer.document.documentElement, { attributes: true, attributeFilter: ["class", "data-theme", "style"] });
  }
  preference.addEventListener("change", applyTheme);
  applyTheme();
}

/**
 * Call a function after each change of colours. A drawing does not follow the style sheet by itself.
 *
 * @param {() => void} listener
 * @returns {() => void}  Stops the calls.
 */
export function onTheme(listener) {
  themeListeners.add(listener);
  return () => themeListeners.delete(listener);
}

/**
 * Return the viewer's time zone: the one selected in Airflow's UI, else the browser's.
 *
 * @returns {string}
 */
export function viewersZone() {
  try {
    const chosen = JSON.parse(localStorage.getItem("timezone") ?? "null");
    return knownZone(typeof chosen === "string" && chosen !== "local" ? chosen : null);
  } catch {
    // Storage may be forbidden, and Airflow owns its content.
    return knownZone(null);
  }
}

/**
 * Call a function for each key that is pressed in this page, or in Airflow's page around it: the viewer may have
 * clicked outside the frame.
 *
 * @param {(event: KeyboardEvent) => void} listener
 * @returns {() => void}  Stops the calls.
 */
export function onKeyAnywhere(listener) {
  const listening = new AbortController();
  const stop = () => listening.abort();
  [document, outerDocument()].forEach((each) => each?.addEventListener("keydown", listener, listening));
  // Airflow's page stays when it removes this frame.
  window.addEventListener("pagehide", stop, listening);
  return stop;
}

/**
 * Return the document of Airflow's UI; null outside of it.
 *
 * @returns {Document | null}
 */
export function outerDocument() {
  return isInside ? outer.document : null;
}

/**
 * Return the fragment of the address that the viewer sees. It keeps the view over a reload.
 *
 * @returns {string}
 */
export function readFragment() {
  return outer.location.hash;
}

/**
 * Return the address that the viewer sees. It shows the same view to another person.
 *
 * @returns {string}
 */
export function viewHref() {
  return outer.location.href;
}

/**
 * Keep a view in the address, without an entry in the history.
 *
 * @param {string} fragment
 */
export function writeFragment(fragment) {
  const { pathname, search } = outer.location;
  outer.history.replaceState(outer.history.state, "", pathname + search + (fragment ? `#${fragment}` : ""));
}

/**
 * Follow a link in the window that the viewer sees.
 *
 * Use it as onClick of a real link, so that the keyboard, the status bar and "copy address" work. The iframe's
 * sandbox forbids it to navigate the window around it or to open another one, but it may pass the link to that
 * window's document.
 *
 * @param {MouseEvent} event
 * @param {Element} [link]  By default the element with the onClick.
 */
export function followLink(event, link = /** @type {Element} */ (event.currentTarget)) {
  // Not the property, because it is not a string for a link in SVG.
  const address = link.getAttribute("href");
  if (!isInside || event.defaultPrevented || address === null) {
    return;
  }
  const { href } = new URL(address, document.baseURI);
  const wantsOther = event.button === 1 || event.ctrlKey || event.metaKey || event.shiftKey;
  event.preventDefault();
  if (wantsOther || link.getAttribute("target") === "_blank") {
    clickOutside(href, { target: "_blank" });
  } else {
    goTo(href);
  }
}

/**
 * Download the target of a link. The sandbox of older Airflows does not let the iframe do so by itself.
 *
 * @param {MouseEvent} event
 */
export function followDownload(event) {
  const link = /** @type {HTMLAnchorElement} */ (event.currentTarget);
  if (isInside && !event.defaultPrevented) {
    event.preventDefault();
    clickOutside(link.href, { download: link.download });
  }
}

/**
 * Go to an address. Airflow's router follows the history, so the window need not be reloaded.
 *
 * @param {string} href
 */
function goTo(href) {
  const state = { usr: null, key: Math.random().toString(36).slice(2, 10), idx: (outer.history.state?.idx ?? 0) + 1 };
  outer.history.pushState(state, "", href);
  outer.dispatchEvent(new /** @type {any} */ (outer).PopStateEvent("popstate", { state }));
  // When the router has followed, this page is gone, and its timers with it.
  setTimeout(() => outer.location.reload(), PATIENCE);
}

/**
 * @param {string} href
 * @param {Partial<HTMLAnchorElement>} properties
 */
function clickOutside(href, properties) {
  const anchor = outer.document.createElement("a");
  Object.assign(anchor, { href, rel: "noopener noreferrer", hidden: true }, properties);
  outer.document.body.append(anchor);
  anchor.click();
  anchor.remove();
}

function applyTheme() {
  const own = document.documentElement;
  own.dataset["theme"] = isDark() ? "dark" : "light";
  if (isInside) {
    const theirs = outer.getComputedStyle(outer.document.documentElement);
    COLORS.forEach((name) => copy(own, `--${name}`, theirs.getPropertyValue(`--chakra-colors-${name}`)));
    FONTS.forEach((name) => copy(own, `--${name}`, theirs.getPropertyValue(`--chakra-${name}`)));
  }
  themeListeners.forEach((listener) => listener());
}

/**
 * @param {HTMLElement} element
 * @param {string} name
 * @param {string} value  Empty: css/theme.css says it.
 */
function copy(element, name, value) {
  if (value.trim()) {
    element.style.setProperty(name, value.trim());
  } else {
    element.style.removeProperty(name);
  }
}

/** @returns {boolean} */
function isDark() {
  const { classList, dataset } = outer.document.documentElement;
  if (isInside && (classList.contains("dark") || dataset["theme"] === "dark")) {
    return true;
  }
  const isLight = isInside && (classList.contains("light") || dataset["theme"] === "light");
  return !isLight && matchMedia("(prefers-color-scheme: dark)").matches;
}

/** @returns {Window & typeof globalThis} */
function outerWindow() {
  try {
    // Reading the document of another origin fails.
    return window.parent.document ? /** @type {Window & typeof globalThis} */ (window.parent) : window;
  } catch {
    return window;
  }
}
