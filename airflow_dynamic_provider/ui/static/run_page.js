/**
 * The page of a Dag run: the keys of its dynamic outputs as matrices, its workflows as graphs.
 */

import { getRunOutputs } from "./api.js";
import { ChartsView } from "./charts_view.js";
import { Matrix } from "./matrix.js";
import { Cut, Failure, Loading, Notice, several, StateBadge, StateBar } from "./parts.js";
import { ON_RETURN, usePolling } from "./polling.js";
import { ShowButtons } from "./show_buttons.js";
import { TimelineView } from "./timeline_view.js";
import { useView } from "./use_view.js";
import { isOver } from "./states.js";
import { html } from "./vendor/preact.js";
import { WorkflowView } from "./workflow_view.js";

/** @typedef {import("wire").RunOutputs} RunOutputs */
/** @typedef {import("wire").RunSpace} RunSpace */
/** @typedef {import("wire").RunWorkflow} RunWorkflow */
/** @typedef {import("./address.js").View} View */

/** The counts beside the names may be slightly older than the matrix. */
const OVERVIEW = 5000;

/** The parts of a view that a change of space or workflow resets. */
const FRESH = { search: "", states: [], error: "", where: "", column: "", compare: false, offset: 0, open: [], key: "", numbers: [], sort: /** @type {const} */ ("position"), descending: false };

/** @param {{place: import("./address.js").Place}} properties */
export function RunPage({ place }) {
  const [view, change] = useView();
  const { data, error, reload } = usePolling(
    (signal) => getRunOutputs(place, signal),
    "run",
    ({ run }) => (isOver(run.state) ? ON_RETURN : OVERVIEW),
  );
  if (!data) {
    return error ? html`<${Failure} error=${error} />` : html`<${Loading} what="dynamic outputs" />`;
  }
  if (!data.spaces.length && !data.workflows.length) {
    return html`<${NoOutputs} />`;
  }
  const workflow = data.workflows.find(({ name }) => name === view.workflow) ?? (data.spaces.length ? null : data.workflows[0]);
  const space = data.spaces.find(({ of }) => of === view.of) ?? data.spaces[0];
  return html`<div class="run-page">
    ${error && html`<${Failure} error=${error} />`}
    ${data.spaces.length + data.workflows.length > 1 && html`<${Chooser} outputs=${data} chosen=${workflow ?? space} change=${change} />`}
    ${workflow
      ? html`<${WorkflowView} key=${workflow.name} place=${place} workflow=${workflow} view=${view} change=${change} onCleared=${reload} />`
      : space && html`<${SpaceView} key=${space.of} place=${place} space=${space} view=${{ ...view, of: space.of }} change=${change} onCleared=${reload} />`}
  </div>`;
}

/**
 * @param {{outputs: RunOutputs, chosen: RunSpace | RunWorkflow | undefined, change: (part: Partial<View>) => void}} properties
 */
function Chooser({ outputs, chosen, change }) {
  return html`<nav class="chooser" aria-label="Dynamic outputs and workflows">
    ${outputs.spaces.map(
      (space) => html`<${Choice}
        key=${`of ${space.of}`}
        name=${space.name}
        count=${space.keys}
        one="key"
        counts=${space.counts}
        isChosen=${space === chosen}
        onChoose=${() => change({ ...FRESH, of: space.of, workflow: "" })}
      />`,
    )}
    ${outputs.workflows.map(
      (workflow) => html`<${Choice}
        key=${`workflow ${workflow.name}`}
        name=${workflow.name}
        count=${workflow.nodes}
        one="node"
        counts=${workflow.counts}
        isChosen=${workflow === chosen}
        onChoose=${() => change({ ...FRESH, of: "", workflow: workflow.name })}
      />`,
    )}
  </nav>`;
}

/**
 * @param {{name: string, count: number | null, one: string, counts: Record<string, number>, isChosen: boolean, onChoose: () => void}} properties
 */
function Choice({ name, count, one, counts, isChosen, onChoose }) {
  return html`<button type="button" class="choice" aria-current=${isChosen ? "true" : undefined} onClick=${onChoose}>
    <span class="choice-line">
      <${Cut} text=${name} />
      <span class="quiet">${count === null ? `no ${one}s yet` : several(count, one)}</span>
    </span>
    <${StateBar} counts=${counts} />
  </button>`;
}

/**
 * @param {{place: import("./address.js").Place, space: RunSpace, view: View, change: (part: Partial<View>) => void, onCleared: () => void}} properties
 */
function SpaceView({ place, space, view, change, onCleared }) {
  const switcher = html`<${ShowButtons} show=${view.show} onShow=${(/** @type {import("./address.js").Show} */ show) => change({ show })} />`;
  const common = { place, view, change, switcher };
  return html`<section class="section" aria-label=${space.name}>
    <${About} space=${space} />
    ${space.message && html`<${Notice} tone=${space.keys === null && space.producer_state === "failed" ? "warning" : "plain"}>${space.message}<//>`}
    ${space.keys === 0 && html`<${Notice} title="No keys">${space.producer ?? "The producer"} found no keys in this run, so the tasks mapped over them have nothing to do.<//>`}
    ${space.keys !== null && space.keys > 0 && view.show === "table" && html`<${Matrix} ...${common} space=${space} onCleared=${onCleared} />`}
    ${space.keys !== null && space.keys > 0 && view.show === "timeline" && html`<${TimelineView} ...${common} />`}
    ${space.keys !== null && space.keys > 0 && view.show === "charts" && html`<${ChartsView} ...${common} />`}
    ${space.keys === null && !space.message && html`<${Notice}>The keys are not known yet: ${space.producer ?? "the producer"} has not ended.<//>`}
  </section>`;
}

/**
 * What the keys are, in one line.
 *
 * @param {{space: RunSpace}} properties
 */
function About({ space }) {
  const made = { produced: "Keys of", nested: "Nested keys of", joined: "Joined keys" }[space.kind];
  const isPlain = space.producer_state === "success";
  return html`<p class=${`about quiet${isPlain ? " is-plain" : ""}`}>
    <span>${made}${space.producer && html` <b>${space.producer}</b>`}${space.output && html`, output <b>${space.output}</b>`}</span>
    ${space.producer && !isPlain && html`<${StateBadge} state=${space.producer_state} />`}
    ${space.description && html`<${Cut} class="about-text" text=${space.description} />`}
  </p>`;
}

function NoOutputs() {
  return html`<${Notice} title="This run has no dynamic outputs">
    A task decorated with <code>@task.dynamic</code> yields dynamic outputs while it runs. The tasks mapped over them run
    once for each key. This page shows them by key, and the nodes of workflows.
  <//>`;
}
