/**
 * The graph of a workflow: boxes laid out by dagre, drawn as SVG.
 */

import { instanceHref } from "./address.js";
import { followLink } from "./host.js";
import { Picture } from "./parts.js";
import { nameOf, pictureOf, wordsOf } from "./states.js";
import { timesOf } from "./node_times.js";
import { Graph, layout } from "./vendor/dagre.js";
import { html, useEffect, useMemo, useRef, useState } from "./vendor/preact.js";
import { isMatch } from "./workflow_list.js";

/** @typedef {import("wire").WorkflowGraph} Workflow */
/** @typedef {import("wire").Node} WorkflowNode */
/** @typedef {{x: number, y: number}} Point */
/**
 * @typedef {object} Drawing
 * @property {number} width
 * @property {number} height
 * @property {Map<string, Point>} nodes  Name of a node -> its upper left corner.
 * @property {string[]} edges  SVG paths.
 */

/** A graph with more nodes is not drawn. */
export const LARGEST = 300;

const BOX = { width: 240, height: 44 };

/** The number of characters of a name that fit into a box. */
const FITTING = 30;
const MARGIN = 16;
const ZOOMS = [0.25, 0.4, 0.6, 0.8, 1, 1.25, 1.5];

/** @param {import("./workflow_list.js").NodesShown} properties */
export function WorkflowGraph({ place, data, search, selection }) {
  const shape = JSON.stringify([data.nodes.map(({ name }) => name), data.edges]);
  // The states change often, the layout rarely.
  const drawing = useMemo(() => draw(data), [shape]);
  const viewport = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [zoom, setZoom] = useState(1);
  useEffect(() => setZoom(fitting(drawing, viewport.current)), [shape]);
  return html`<div class="graph">
    <div class="graph-scroll" ref=${viewport}>
      <svg
        class="graph-picture"
        role="group"
        aria-label=${`Graph of ${data.name}`}
        width=${drawing.width * zoom}
        height=${drawing.height * zoom}
        viewBox=${`0 0 ${drawing.width} ${drawing.height}`}
      >
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="arrow" d="M0 0.5L7.5 4L0 7.5z" /></marker>
        </defs>
        ${drawing.edges.map((path, at) => html`<path key=${at} class="edge" d=${path} marker-end="url(#arrow)" />`)}
        ${data.nodes.map(
          (node) => html`<${Box}
            key=${node.name}
            node=${node}
            at=${drawing.nodes.get(node.name) ?? { x: 0, y: 0 }}
            href=${node.task_id === null ? undefined : instanceHref(place, node.task_id, node.map_index)}
            isFaint=${search !== "" && !isMatch(node.name, search)}
            isChosen=${selection.chosen.has(node.name)}
            onChoose=${() => selection.choose([node.name], !selection.chosen.has(node.name))}
          />`,
        )}
      </svg>
    </div>
    <div class="zoom" role="group" aria-label="Zoom">
      <${ZoomButton} label="Zoom out" path="M4 8h8" to=${ZOOMS.findLast((each) => each < zoom - 0.01)} onZoom=${setZoom} />
      <${ZoomButton} label="Zoom in" path="M4 8h8M8 4v8" to=${ZOOMS.find((each) => each > zoom + 0.01)} onZoom=${setZoom} />
      <${ZoomButton} label="Fit" path="M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3" to=${fitting(drawing, viewport.current)} onZoom=${setZoom} />
    </div>
  </div>`;
}

/** @param {{label: string, path: string, to: number | undefined, onZoom: (zoom: number) => void}} properties */
function ZoomButton({ label, path, to, onZoom }) {
  return html`<button type="button" class="icon-button" aria-label=${label} title=${label} disabled=${to === undefined} onClick=${() => to && onZoom(to)}>
    <${Picture} path=${path} />
  </button>`;
}

/**
 * @param {{node: WorkflowNode, at: Point, href: string | undefined, isFaint: boolean, isChosen: boolean, onChoose: () => void}} properties
 */
function Box({ node, at, href, isFaint, isChosen, onChoose }) {
  const time = timesOf(node);
  const words = wordsOf(node.state);
  const title = [node.name, words, node.kind !== node.name && `Kind: ${node.kind}`, time, node.reason, node.from_run && `Result of the run ${node.from_run}`].filter(Boolean).join("\n");
  return html`<g class=${`node is-${nameOf(node.state)}${isFaint ? " is-faint" : ""}${isChosen ? " is-chosen" : ""}`} transform=${`translate(${at.x} ${at.y})`}>
    <title>${title}</title>
    <a href=${href} onClick=${followLink}>
      <rect class="box" width=${BOX.width} height=${BOX.height} rx="6" />
      <path class="stripe" d=${`M6 0H5a5 5 0 0 0-5 5v${BOX.height - 10}a5 5 0 0 0 5 5h1z`} />
      <text class="name" x="16" y="18">${shortened(node.name, FITTING)}</text>
      <g class="node-icon" transform="translate(15 25) scale(0.8)"><path d=${pictureOf(node.state)} /></g>
      <text class="facts" x="32" y="35">${[words, node.from_run && "kept", time, node.try_number > 1 && `try ${node.try_number}`].filter(Boolean).join(" · ")}</text>
    </a>
    <foreignObject x=${BOX.width - 24} y="6" width="18" height="18">
      <input type="checkbox" aria-label=${`Select ${node.name}`} checked=${isChosen} onChange=${onChoose} />
    </foreignObject>
  </g>`;
}

/**
 * @param {Workflow} data
 * @returns {Drawing}
 */
function draw(data) {
  const graph = new Graph();
  graph.setGraph({ rankdir: "LR", nodesep: 14, ranksep: 56, marginx: MARGIN, marginy: MARGIN });
  graph.setDefaultEdgeLabel(() => ({}));
  data.nodes.forEach(({ name }) => graph.setNode(name, { ...BOX }));
  data.edges.filter((edge) => edge.every((name) => graph.hasNode(name))).forEach(([from, to]) => graph.setEdge(from, to));
  layout(graph);
  if (isUpsideDown(data.nodes.map(({ name }) => graph.node(name)))) {
    turnOver(graph);
  }
  const { width = 0, height = 0 } = graph.graph();
  const corner = (/** @type {string} */ name) => {
    const { x, y } = graph.node(name);
    return { x: x - BOX.width / 2, y: y - BOX.height / 2 };
  };
  return {
    width,
    height,
    nodes: new Map(data.nodes.map(({ name }) => [name, corner(name)])),
    edges: graph.edges().map((edge) => {
      // From the middle of a side to the middle of a side, ignoring the ends that dagre computes.
      const [from, to] = [graph.node(edge.v), graph.node(edge.w)];
      const inner = graph.edge(edge).points.slice(1, -1);
      return curve([{ x: from.x + BOX.width / 2, y: from.y }, ...inner, { x: to.x - BOX.width / 2, y: to.y }]);
    }),
  };
}

/**
 * Return whether nodes are above those that the body called before them, more often than below: the layout may put a
 * rank of nodes in either order.
 *
 * @param {Point[]} nodes  In the order in which the body called them.
 * @returns {boolean}
 */
export function isUpsideDown(nodes) {
  /** @type {Map<number, Point[]>} */
  const ranks = new Map();
  nodes.forEach((node) => ranks.set(node.x, [...(ranks.get(node.x) ?? []), node]));
  const steps = [...ranks.values()].flatMap((rank) => rank.slice(1).map((node, at) => Math.sign(node.y - (rank[at]?.y ?? 0))));
  return steps.reduce((sum, step) => sum + step, 0) < 0;
}

/** @param {Graph} graph  Its lines cross as often when top and bottom are exchanged. */
function turnOver(graph) {
  const { height = 0 } = graph.graph();
  const turned = (/** @type {Point} */ point) => (point.y = height - point.y);
  graph.nodes().forEach((name) => turned(graph.node(name)));
  graph.edges().forEach((edge) => graph.edge(edge).points.forEach(turned));
}

/**
 * Return a smooth line through the midpoints between points.
 *
 * @param {Point[]} points
 * @returns {string}
 */
export function curve(points) {
  const [first, ...rest] = points;
  const last = rest.pop();
  if (!first || !last) {
    return "";
  }
  const parts = rest.map((point, at) => {
    const next = rest[at + 1] ?? last;
    const isEnd = at === rest.length - 1;
    const end = isEnd ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${rounded(point)} ${rounded(end)}`;
  });
  return `M${rounded(first)}${parts.length ? parts.join("") : `L${rounded(last)}`}`;
}

/** @param {Point} point */
function rounded({ x, y }) {
  return `${Math.round(x * 10) / 10} ${Math.round(y * 10) / 10}`;
}

/**
 * Return the zoom at which a drawing fits, but not one that makes it unreadable.
 *
 * @param {Drawing} drawing
 * @param {HTMLElement | null} viewport
 * @returns {number}
 */
function fitting(drawing, viewport) {
  if (!viewport || !drawing.width) {
    return 1;
  }
  const wanted = Math.min(viewport.clientWidth / drawing.width, viewport.clientHeight / drawing.height);
  return Math.min(1, Math.max(0.75, wanted));
}

/**
 * Shorten a name, because SVG does not. The middle is cut, because names often differ at their ends. Surrogate pairs stay whole.
 *
 * @param {string} text
 * @param {number} length
 * @returns {string}
 */
export function shortened(text, length) {
  const characters = [...text];
  const end = Math.floor((length - 1) / 2);
  return characters.length > length
    ? `${characters.slice(0, length - 1 - end).join("")}…${characters.slice(characters.length - end).join("")}`
    : text;
}
