/**
 * The page of a task instance: its key, the producer of the key, its metadata, and the key's other task instances.
 */

import { instanceHref } from "./address.js";
import { getInstance } from "./api.js";
import { FormerKeys } from "./former_keys.js";
import { marked } from "./key_text.js";
import { MetadataList } from "./metadata/list.js";
import { Cut, Failure, Link, Loading, Notice, Picture, several, StateBadge } from "./parts.js";
import { LIVE, ON_RETURN, usePolling } from "./polling.js";
import { isOver } from "./states.js";
import { formatDuration } from "./time.js";
import { html } from "./vendor/preact.js";

/** @typedef {import("wire").InstanceDetails} InstanceDetails */
/** @typedef {import("./address.js").Place} Place */

/** States that do not change by themselves. */
const ENDED = ["success", "failed", "skipped", "upstream_failed", "removed"];

/** @param {{place: Place}} properties */
export function InstancePage({ place }) {
  const { data, error, reload } = usePolling(
    (signal) => getInstance(place, signal),
    "instance",
    ({ state }) => (state !== null && (isOver(state) || ENDED.includes(state)) ? ON_RETURN : LIVE),
  );
  if (!data) {
    return error ? html`<${Failure} error=${error} />` : html`<${Loading} what="the task instance" />`;
  }
  const hasNothing = !data.key_path && !data.outputs.length && !data.inherited.length && !data.node;
  return html`<div class="instance-page">
    ${error && html`<${Failure} error=${error} />`}
    ${hasNothing &&
    html`<${Notice} title="Nothing dynamic here">
      This task instance does not run for a key, declares no outputs, and is not a node of a workflow.
    <//>`}
    ${data.is_stale &&
    data.space &&
    html`<${FormerKeys} place=${place} space=${data.space} title="It ran for another key" onCleared=${reload}>
      The keys were listed again since. The key shown here is at the task instance's map index now; its state and its log belong to its former key.
    <//>`}
    ${data.key_path && html`<${KeyFacts} place=${place} data=${data} />`}
    ${data.node && html`<${NodeFacts} node=${data.node} />`}
    ${data.inherited.length > 0 &&
    html`<${Section} title="Metadata of the key"><${MetadataList} metadata=${data.inherited} place=${place} empty="" /><//>`}
    ${data.outputs.length > 0 && html`<${Section} title="Outputs of this task">
      ${data.outputs.map((output) => html`<${Output} key=${output.name} output=${output} place=${place} />`)}
    <//>`}
    ${data.same_key.length > 0 && html`<${Section} title="The same key elsewhere"><${Relatives} place=${place} data=${data} /><//>`}
  </div>`;
}

/** @param {{title: string, children?: unknown}} properties */
function Section({ title, children }) {
  return html`<section class="section"><h2>${title}</h2>${children}</section>`;
}

/** @param {{place: Place, data: InstanceDetails}} properties */
function KeyFacts({ place, data }) {
  const path = data.key_path ?? [];
  const origin = data.origin;
  return html`<section class="section key-facts">
    <h1 class="key-title" title=${data.key ?? ""}>
      ${path.map((part, at) => html`${at > 0 && html`<span class="quiet"> / </span>`}<span key=${at} class="whole">${marked(part)}</span>`)}
    </h1>
    <p class="quiet">
      ${origin
        ? html`Produced by <${Link} href=${instanceHref(place, origin.task_id, origin.map_index)}>${origin.task_id}<//> as output <b>${origin.output}</b>`
        : "A key of"}
      ${data.space && (!origin || data.space.depth > 1) && html` <b>${data.space.name}</b>`}
    </p>
    ${origin?.description && html`<p class="description">${origin.description}</p>`}
  </section>`;
}

/** @param {{node: import("wire").NodeName}} properties */
function NodeFacts({ node }) {
  return html`<p class="node-facts">Node <b><${Cut} text=${node.name} /></b> of the workflow <b>${node.workflow}</b></p>`;
}

/** @param {{output: import("wire").DeclaredOutput, place: Place}} properties */
function Output({ output, place }) {
  return html`<article class="output">
    <header>
      <h3><${Cut} text=${output.name} /></h3>
      ${output.type && html`<code>${output.type}</code>`}
      ${output.is_dynamic && html`<span class="tag">dynamic</span>`}
      ${!output.is_required && html`<span class="tag">optional</span>`}
      ${output.keys !== null && html`<span class="quiet">${several(output.keys, "key")}</span>`}
    </header>
    ${output.description && html`<p class="description">${output.description}</p>`}
    <${MetadataList} metadata=${output.metadata} place=${place} empty="No metadata." />
  </article>`;
}

/** @param {{place: Place, data: InstanceDetails}} properties */
function Relatives({ place, data }) {
  const arrows = { producer: "M3 8h10M9 4l4 4l-4 4", upstream: "M8 13V4M4 7.5l4-4l4 4", downstream: "M8 3v9M4 8.5l4 4l4-4", "same key": "M3 6h10M3 10h10" };
  return html`<table class="plain-table">
    <thead><tr><th scope="col">Task</th><th scope="col">Relation</th><th scope="col">State</th><th scope="col" class="number">Duration</th><th scope="col" class="number">Try</th></tr></thead>
    <tbody>
      ${data.same_key.map(
        (each) => html`<tr key=${`${each.map_index} ${each.task_id}`}>
          <td><${Link} href=${instanceHref(place, each.task_id, each.map_index)} class="cut" title=${each.task_id}>${each.task_id}<//></td>
          <td class="quiet"><${Picture} path=${arrows[each.relation] ?? arrows["same key"]} size=${12} /> ${each.relation}</td>
          <td><${StateBadge} state=${each.state} /></td>
          <td class="number">${formatDuration(each.duration)}</td>
          <td class="number">${each.try_number || ""}</td>
        </tr>`,
      )}
    </tbody>
  </table>`;
}
