/**
 * Copies text to the clipboard.
 */

/**
 * @param {string} text
 * @returns {Promise<boolean>}  Whether the browser has done it.
 */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Over plain HTTP, browsers offer the older way only.
    return copySelection(text);
  }
}

/** @param {string} text */
function copySelection(text) {
  const area = Object.assign(document.createElement("textarea"), { value: text, className: "visually-hidden" });
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}
