// The two names of dagre that the graph of a workflow needs.
export { Graph, layout } from "@dagrejs/dagre";
