/**
 * Everything that touches the window around this page: Airflow's own UI, which shows it in an iframe of its origin.
 *
 * Outside Airflow's UI each of these works too, with the browser's own preferences.
 */

import { knownZone } from "./time.js";

/** Colours that Airflow's theme names; css/theme.css names the same and says what holds where one is missing. */
const COLORS = [
  ...["bg", "bg-subtle", "bg-muted", "bg-emphasized", "bg-panel", "fg", "fg-muted", "fg-subtle", "fg-error", "fg-info"],
  ...["border", "border-muted", "border-emphasized", "brand-solid", "brand-contrast", "brand-fg", "brand-muted"],
  ...["brand-subtle", "brand-emphasized", "brand-focus-ring", "warning-subtle", "warning-fg", "error-subtle", "error-fg"],
  ...["success-solid", "failed-solid", "upstream_failed-solid", "up_for_retry-solid", "up_for_reschedule-solid"],
  ...["running-solid", "restarting-solid", "deferred-solid", "awaiting_input-solid", "queued-solid", "scheduled-solid"],
  ...["none-solid", "removed-solid", "skipped-solid"],
];

const FONTS = ["fonts-body", "fonts-mono"];

/** How long Airflow's router may take to leave this page, before the browser is asked to. */
const PATIENCE = 1500;

/** The window of Airflow's UI, or this one. */
const outer = outerWindow();
const isInside = outer !== window;

/** @type {Set<() => void>} */
const themeListeners = new Set();

/** Take over Airflow's colours, fonts and mode, now and whenever they change. */
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
 * Call back after each change of colours, because what is drawn and does not follow by itself.
 *
 * @param {() => void} listener
 * @returns {() => void}  Ends it.
 */
export function onTheme(listener) {
  themeListeners.add(listener);
  return () => themeListeners.delete(listener);
}

/**
 * The zone in which the viewer reads times: the one chosen in Airflow's UI, or else the browser's.
 *
 * @returns {string}
 */
export function viewersZone() {
  try {
    const chosen = JSON.parse(localStorage.getItem("timezone") ?? "null");
    return knownZone(typeof chosen === "string" && chosen !== "local" ? chosen : null);
  } catch {
    // Storage may be forbidden, and what is in it is not ours.
    return knownZone(null);
  }
}

/**
 * The fragment of the address that the viewer sees, in which a view is kept over a reload.
 *
 * @returns {string}
 */
export function readFragment() {
  return outer.location.hash;
}

/**
 * Keep a view in the address, without a step in the history.
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
 * For the attribute onClick of a real link, so that the keyboard, the status bar and "copy address" work. The
 * iframe's sandbox forbids it to navigate the window around it and to open others, but not to hand the link to
 * that window's own document.
 *
 * @param {MouseEvent} event
 * @param {Element} [link]  By default the element that has the attribute.
 */
export function followLink(event, link = /** @type {Element} */ (event.currentTarget)) {
  // Not the property: that of a link in SVG is no text.
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
 * Download what a link leads to, which the sandbox of older Airflows does not let the iframe do by itself.
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
 * Airflow's router follows the history, so the page need not be loaded again.
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
    // Reading the document of another origin is what fails.
    return window.parent.document ? /** @type {Window & typeof globalThis} */ (window.parent) : window;
  } catch {
    return window;
  }
}
