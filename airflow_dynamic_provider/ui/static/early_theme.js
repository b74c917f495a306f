/**
 * Sets the mode before the page is drawn for the first time, so that it does not flash in white. It is no module,
 * because modules run after that. host.js then follows the theme.
 */
(() => {
  let outer = document.documentElement;
  try {
    outer = window.parent.document.documentElement;
  } catch {
    // The window around this one is of another origin.
  }
  const named = outer.classList.contains("dark") || outer.dataset["theme"] === "dark";
  const isLight = outer.classList.contains("light") || outer.dataset["theme"] === "light";
  const isDark = named || (!isLight && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset["theme"] = isDark ? "dark" : "light";
})();
