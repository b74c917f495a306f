"""Finds the task instances that run again when nodes of a workflow are cleared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.clearing import ToClear, with_downstream
from airflow_dynamic_provider.database.runs import unknown
from airflow_dynamic_provider.database.spelling import find_spelled
from airflow_dynamic_provider.definitions.keys import render_key, render_label
from airflow_dynamic_provider.definitions.states import FAILURES
from airflow_dynamic_provider.workflows.clearing import Clearing
from airflow_dynamic_provider.workflows.progress import stored

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.execution.spaces import KeyPath
    from airflow_dynamic_provider.workflows.clearing import ClearedGraph, Pair
    from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader


@dataclass(frozen=True)
class NodeSelection:
    """The nodes to clear.

    Attributes:
        workflow: The task group of the workflow.
        nodes: Names of nodes and calls; empty for all failed nodes.
        key: The key of their graph, ``outer/inner`` or a JSON list; ``None`` for all keys.
    """

    workflow: str
    nodes: Sequence[str] = ()
    key: str | None = None


def find_nodes(run: OpenRun, selection: NodeSelection) -> ToClear:
    """Return the task instances that would run again.

    Raises:
        UnknownNameError: There is no such workflow, key or node.
        AmbiguousNameError: Several keys are written like this.
    """
    reader = run.workflow(selection.workflow)
    graphs = _Graphs(run, reader)
    cleared = [
        graphs.clear(key_path, index, selection.nodes)
        for key_path, index in graphs.selected(selection).items()
    ]
    cleared = [graph for graph in cleared if graph.nodes or graph.others]
    unplanned = [] if selection.nodes else graphs.unplanned(selection)
    pairs = [pair for graph in cleared for pair in graph.pairs] + unplanned
    starts = [graph.result for graph in cleared] + unplanned
    labels = {
        pair: render_label((*graph.key_path, name)) for graph in cleared for name, pair in graph.nodes.items()
    }
    besides = [render_key((*graph.key_path, name)) for graph in cleared for name in graph.failed_besides]
    return with_downstream(run, pairs, starts, labels, _warning(besides, reader))


def _warning(besides: Sequence[str], reader: WorkflowReader) -> str:
    if not besides:
        return ""
    consequence = (
        "the workflow fails fast, so none of its nodes run until they are cleared too"
        if reader.spec.failure_policy == "fail_fast"
        else "the workflow fails until they are cleared too"
    )
    return f"Other nodes failed too: {', '.join(map(repr, besides))}; {consequence}"


class _Graphs:
    """The graphs of a workflow: one, or one for each key."""

    def __init__(self, run: OpenRun, reader: WorkflowReader) -> None:
        self._reader = reader
        self._source = run.source
        spec = reader.spec
        self._planning = spec.planning_task_ids
        self._states = self._source.states([*self._planning, *spec.node_task_ids])
        self._blocked = self._source.holders(stored.BLOCKED_XCOM)
        self._roots: dict[KeyPath, int] = reader.roots() if spec.is_mapped else {(): UNMAPPED}

    def selected(self, selection: NodeSelection) -> dict[KeyPath, int]:
        """Return key path -> the map index of its planning task, for the selected graphs.

        Raises:
            UnknownNameError: There is no such key, or none of the graphs has such a node.
            AmbiguousNameError: Several keys are written like this.
        """
        roots = self._of_key(selection.key)
        for name in selection.nodes:
            known = {each: None for at in roots.items() for each in self._clearing(*at).names}
            if name not in known:
                raise unknown(f"node {name!r}", f"the workflow {selection.workflow!r}", name, known)
        return roots

    def clear(self, key_path: KeyPath, root_index: int, names: Collection[str]) -> ClearedGraph:
        """Return the part of a graph that runs again."""
        clearing = self._clearing(key_path, root_index)
        known = set(clearing.names)
        chosen = [name for name in names if name in known]
        if not names:
            chosen = clearing.failed or clearing.stopped(self._blocked)
        return clearing.clear(chosen, self._blocked)

    def unplanned(self, selection: NodeSelection) -> list[Pair]:
        """Return the failed task instances that plan or list nodes. Their nodes have no names yet."""
        if selection.key is not None:
            return []
        return [at for at, state in self._states.items() if at[0] in self._planning and state in FAILURES]

    def _clearing(self, key_path: KeyPath, root_index: int) -> Clearing:
        return Clearing(self._reader, key_path, root_index, self._states)

    def _of_key(self, key: str | None) -> dict[KeyPath, int]:
        if key is None:
            return self._roots
        path = find_spelled(key, filter(None, self._roots))
        if path is None:
            known = [render_key(each) for each in self._roots if each]
            raise unknown(f"key {key!r}", f"the workflow {self._reader.spec.name!r}", key, known)
        return {path: self._roots[path]}
