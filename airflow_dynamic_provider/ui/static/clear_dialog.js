/**
 * The dialog for clearing: Airflow's own list of what will run again, and the viewer's confirmation.
 */

import { ApiError, clearTasks, planClearing } from "./api.js";
import { Cut, formatCount, Loading, Notice, several, StateBadge } from "./parts.js";
import { html, useEffect, useRef, useState } from "./vendor/preact.js";

/** @typedef {import("wire").ClearedInstance} ClearedInstance */
/** @typedef {import("wire").ClearingAnswer} ClearingAnswer */
/** @typedef {import("wire").ClearingRequest} ClearingRequest */
/**
 * @typedef {{step: "asking"}
 *   | {step: "confirming", plan: ClearingAnswer, tasks: ClearedInstance[]}
 *   | {step: "clearing", done: number, total: number}
 *   | {step: "cleared", total: number}
 *   | {step: "failed", message: string, done: number}} Step
 */

/** The number of task instances that are listed. The rest is only counted. */
const SHOWN = 200;

/**
 * @param {{place: import("./address.js").Place, wanted: ClearingRequest, onClose: () => void, onCleared: () => void}} properties
 */
export function ClearDialog({ place, wanted, onClose, onCleared }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [step, setStep] = useState(/** @type {Step} */ ({ step: "asking" }));
  useEffect(() => {
    const before = /** @type {HTMLElement | null} */ (document.activeElement);
    dialog.current?.showModal();
    ask(place, wanted).then(setStep);
    return () => before?.focus();
  }, []);
  const clear = async (/** @type {ClearingAnswer} */ plan) => {
    let done = 0;
    const onPart = (/** @type {number} */ cleared) => {
      done = cleared;
      setStep({ step: "clearing", done, total: plan.task_ids.length });
    };
    onPart(0);
    try {
      const cleared = await clearTasks(place, plan.task_ids, { isDryRun: false, onPart });
      setStep({ step: "cleared", total: cleared.length });
      onCleared();
    } catch (error) {
      setStep({ step: "failed", message: reasonOf(error), done });
    }
  };
  // The Escape key does not close the dialog during a clear, because the viewer would not see its result.
  const onCancel = (/** @type {Event} */ event) => step.step === "clearing" && event.preventDefault();
  return html`<dialog ref=${dialog} class="dialog" aria-labelledby="clear-title" onCancel=${onCancel} onClose=${onClose}>
    <h2 id="clear-title">Clear task instances</h2>
    <div class="dialog-body"><${Body} step=${step} /></div>
    <${Buttons} step=${step} onClear=${clear} onClose=${() => dialog.current?.close()} />
  </dialog>`;
}

/** @param {{step: Step}} properties */
function Body({ step }) {
  switch (step.step) {
    case "asking":
      return html`<${Loading} what="the task instances that would run again" />`;
    case "confirming":
      return html`<${Plan} plan=${step.plan} tasks=${step.tasks} />`;
    case "clearing":
      return html`<p role="status">Clearing ${formatCount(step.total)} task instances … ${step.done > 0 && `${formatCount(step.done)} done`}</p>
        <progress max=${step.total} value=${step.done} aria-label="Cleared"></progress>`;
    case "cleared":
      return html`<${Notice} title=${`Cleared ${several(step.total, "task instance")}`}>Airflow's scheduler runs them again.<//>`;
    case "failed":
      return html`<${Notice} title="Not cleared" tone="error">
        ${step.message}${step.done > 0 && ` ${several(step.done, "task instance")} had been cleared by then.`}
      <//>`;
  }
}

/** @param {{plan: ClearingAnswer, tasks: ClearedInstance[]}} properties */
function Plan({ plan, tasks }) {
  if (!tasks.length) {
    return html`<p>There is nothing to clear: Airflow has no such task instance in this run.</p>`;
  }
  const rest = tasks.length - SHOWN;
  return html`
    <p>${several(tasks.length, "task instance")} will run again:</p>
    ${plan.warnings.length > 0 && html`<${Notice} tone="warning"><ul>${plan.warnings.map((each) => html`<li key=${each}>${each}</li>`)}</ul><//>`}
    <div class="plan" tabindex="0" role="region" aria-label="Task instances that will run again">
      <table>
        <thead><tr><th scope="col">Task</th><th scope="col">Key</th><th scope="col">State</th></tr></thead>
        <tbody>
          ${tasks.slice(0, SHOWN).map(
            (task) => html`<tr key=${`${task.map_index} ${task.task_id}`}>
              <td><${Cut} text=${task.task_id} /></td>
              <td><${Cut} text=${task.label} /></td>
              <td><${StateBadge} state=${task.state} /></td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${rest > 0 && html`<p class="quiet">and ${formatCount(rest)} more.</p>`}
  `;
}

/** @param {{step: Step, onClear: (plan: ClearingAnswer) => void, onClose: () => void}} properties */
function Buttons({ step, onClear, onClose }) {
  const isDone = step.step === "cleared" || step.step === "failed";
  return html`<footer class="dialog-buttons">
    <button type="button" class="button" disabled=${step.step === "clearing"} onClick=${onClose}>${isDone ? "Close" : "Cancel"}</button>
    ${step.step === "confirming" &&
    step.tasks.length > 0 &&
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
    const answer = await clearTasks(place, plan.task_ids, { isDryRun: true });
    return { step: "confirming", plan, tasks: withLabels(answer, plan.task_instances) };
  } catch (error) {
    return { step: "failed", message: reasonOf(error), done: 0 };
  }
}

/**
 * Add keys to Airflow's list. A clone that has not run yet has no label in Airflow.
 *
 * @param {ClearedInstance[]} tasks
 * @param {ClearedInstance[]} known
 * @returns {ClearedInstance[]}
 */
function withLabels(tasks, known) {
  const labels = new Map(known.map((each) => [`${each.map_index} ${each.task_id}`, each.label]));
  return tasks.map((each) => ({ ...each, label: labels.get(`${each.map_index} ${each.task_id}`) ?? each.label }));
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
