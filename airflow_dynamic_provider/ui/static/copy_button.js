/**
 * A button that copies text, and says so.
 */

import { copyText } from "./copying.js";
import { html, useEffect, useState } from "./vendor/preact.js";

/** Milliseconds for which the button says that it has copied. */
const SAID = 2000;

/** @param {{label: string, text: () => string}} properties */
export function CopyButton({ label, text }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSaid(""), SAID);
    return () => clearTimeout(timer);
  }, [said]);
  const copy = async () => setSaid((await copyText(text())) ? "Copied" : "The browser does not allow it");
  return html`<button type="button" class="plain-button" aria-live="polite" onClick=${copy}>${said || label}</button>`;
}
