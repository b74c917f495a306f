/**
 * The dialog for clearing: what will run again, and the viewer's confirmation.
 */

import { ApiError, clearAll, planClearing } from "./api.js";
import { refreshAirflow } from "./host_queries.js";
import { KeyText } from "./key_text.js";
import { Cut, formatCount, Loading, Notice, several, StateBadge } from "./parts.js";
import { html, useEffect, useRef, useState } from "./vendor/preact.js";

/** @typedef {import("wire").ClearingAnswer} ClearingAnswer */
/** @typedef {import("wire").ClearingRequest} ClearingRequest */
/**
 * @typedef {{step: "asking"}
 *   | {step: "confirming", plan: ClearingAnswer}
 *   | {step: "clearing", total: number}
 *   | {step: "cleared", total: number}
 *   | {step: "failed", message: string}} Step
 */

/**
 * @param {{place: import("./address.js").Place, wanted: ClearingRequest, onClose: () => void, onCleared: () => void}} properties
 */
export function ClearDialog({ place, wanted, onClose, onCleared }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [step, setStep] = useState(/** @type {Step} */ ({ step: "asking" }));
  const [keeps, setKeeps] = useState(false);
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current?.showModal();
    ask(place, wanted).then(setStep);
    return () => before?.focus();
  }, []);
  const clear = async (/** @type {ClearingAnswer} */ { total }) => {
    setStep({ step: "clearing", total });
    try {
      const cleared = await clearAll(place, wanted, total, keeps);
      setStep({ step: "cleared", total: cleared.total });
      onCleared();
      refreshAirflow();
    } catch (error) {
      setStep({ step: "failed", message: reasonOf(error) });
    }
  };
  // The Escape key does not close the dialog during a clear, because the viewer would not see its result.
  const onCancel = (/** @type {Event} */ event) => step.step === "clearing" && event.preventDefault();
  return html`<dialog ref=${dialog} class="dialog" aria-labelledby="clear-title" onCancel=${onCancel} onClose=${onClose}>
    <h2 id="clear-title">Clear task instances</h2>
    <div class="dialog-body">
      <${Body} step=${step} />
      ${step.step === "confirming" && step.plan.total > 0 && html`<${KeepResults} keeps=${keeps} onChange=${setKeeps} />`}
    </div>
    <${Buttons} step=${step} onClear=${clear} onClose=${() => dialog.current?.close()} />
  </dialog>`;
}

/** @param {{step: Step}} properties */
function Body({ step }) {
  switch (step.step) {
    case "asking":
      return html`<${Loading} what="the task instances that would run again" />`;
    case "confirming":
      return html`<${Plan} plan=${step.plan} />`;
    case "clearing":
      return html`<p role="status">Clearing ${several(step.total, "task instance")} …</p><progress aria-label="Clearing"></progress>`;
    case "cleared":
      return html`<${Notice} title=${`Cleared ${several(step.total, "task instance")}`}>Airflow's scheduler runs them again.<//>`;
    case "failed":
      return html`<${Notice} title="Not cleared" tone="error">${step.message}<//>`;
  }
}

/** @param {{plan: ClearingAnswer}} properties */
function Plan({ plan }) {
  const tasks = plan.task_instances;
  if (!plan.total) {
    return html`<p>There is nothing to clear: Airflow has no such task instance in this run.</p>`;
  }
  const rest = plan.total - tasks.length;
  return html`
    <p>${several(plan.total, "task instance")} will run again:</p>
    ${plan.warnings.length > 0 && html`<${Notice} tone="warning"><ul>${plan.warnings.map((each) => html`<li key=${each}>${each}</li>`)}</ul><//>`}
    <div class="plan" tabindex="0" role="region" aria-label="Task instances that will run again">
      <table>
        <thead><tr><th scope="col">Task</th><th scope="col">Key</th><th scope="col">State</th></tr></thead>
        <tbody>
          ${tasks.map(
            (task) => html`<tr key=${`${task.map_index} ${task.task_id}`}>
              <td><${Cut} text=${task.task_id} /></td>
              <td>${task.label && html`<${KeyText} text=${task.label} />`}</td>
              <td><${StateBadge} state=${task.state} /></td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${rest > 0 && html`<p class="quiet">and ${formatCount(rest)} more.</p>`}
  `;
}

/** @param {{keeps: boolean, onChange: (keeps: boolean) => void}} properties */
function KeepResults({ keeps, onChange }) {
  const onInput = (/** @type {Event} */ event) => onChange(/** @type {HTMLInputElement} */ (event.target).checked);
  return html`<label class="check-label"><input type="checkbox" checked=${keeps} onChange=${onInput} /> Cached tasks may use kept results</label>`;
}

/** @param {{step: Step, onClear: (plan: ClearingAnswer) => void, onClose: () => void}} properties */
function Buttons({ step, onClear, onClose }) {
  const isDone = step.step === "cleared" || step.step === "failed";
  return html`<footer class="dialog-buttons">
    <button type="button" class="button" disabled=${step.step === "clearing"} onClick=${onClose}>${isDone ? "Close" : "Cancel"}</button>
    ${step.step === "confirming" &&
    step.plan.total > 0 &&
    html`<button type="button" class="button is-main" onClick=${() => onClear(step.plan)}>Clear</button>`}
  </footer>`;
}

/**
 * @param {import("./address.js").Place} place
 * @param {ClearingRequest} wanted
 * @returns {Promise<Step>}
 */
async function ask(place, wanted) {
  try {
    const plan = await planClearing(place, wanted);
    return plan.refusal === null ? { step: "confirming", plan } : { step: "failed", message: plan.refusal };
  } catch (error) {
    return { step: "failed", message: reasonOf(error) };
  }
}

/**
 * @param {unknown} error
 * @returns {string}
 */
function reasonOf(error) {
  if (!(error instanceof ApiError)) {
    return "The page could not send the request. Load it again.";
  }
  switch (error.status) {
    case 0:
      return "The server does not answer. Try again in a moment.";
    case 401:
      return "You are no longer logged in. Log in to Airflow again.";
    case 403:
      return "You may not clear task instances of this Dag.";
    default:
      return error.message || "The server could not clear the task instances. Its log says more.";
  }
}
