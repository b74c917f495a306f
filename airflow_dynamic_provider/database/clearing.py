"""Clears nodes of a workflow in Airflow's database, with all that depends on them and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.database.runs import RunSource, unknown
from airflow_dynamic_provider.definitions.keys import render_key, render_label
from airflow_dynamic_provider.execution.states import FAILURES
from airflow_dynamic_provider.execution.xcom import UNMAPPED
from airflow_dynamic_provider.version_compat import CLEARS_BY_CLONE
from airflow_dynamic_provider.workflows import stored
from airflow_dynamic_provider.workflows.clearing import Clearing

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.workflows.clearing import ClearedGraph, Pair
    from airflow_dynamic_provider.workflows.reading import KeyPath, WorkflowReader

# How many task instances are asked for at a time: databases limit the values of one statement.
_AT_ONCE = 400


@dataclass(frozen=True)
class Selection:
    """What is to be cleared.

    Attributes:
        workflow: The task group of the workflow.
        nodes: Names of nodes and calls; all that failed, if there are none.
        key: The key of whose graph they are, ``outer/inner`` or a JSON list; ``None`` for all keys.
    """

    workflow: str
    nodes: Sequence[str] = ()
    key: str | None = None


@dataclass(frozen=True)
class ToClear:
    """What would run again.

    Attributes:
        task_instances: Airflow's task instances.
        labels: (task, map index) -> the node's name, behind its key in a map.
        failed_besides: Nodes that failed too, and would not run again.
        is_fail_fast: Whether these keep the others from running.
    """

    task_instances: Sequence[Any]
    labels: dict[Pair, str]
    failed_besides: Sequence[str]
    is_fail_fast: bool


def find(run: OpenRun, selection: Selection) -> ToClear:
    """Return what would run again.

    Raises:
        UnknownNameError: There is no such workflow, key or node.
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
    found = _existing(run, [*pairs, *_downstream(run, starts)])
    labels = {
        pair: render_label((*graph.key_path, name)) for graph in cleared for name, pair in graph.nodes.items()
    }
    return ToClear(
        found,
        labels,
        [render_key((*graph.key_path, name)) for graph in cleared for name in graph.failed_besides],
        reader.spec.failure_policy == "fail_fast",
    )


def clear(run: OpenRun, to_clear: ToClear) -> None:
    """Clear it, so that the scheduler runs it again. The run goes back to the queue if it had ended."""
    from airflow.models.taskinstance import clear_task_instances

    clear_task_instances(list(to_clear.task_instances), run.session)


class _Graphs:
    """The graphs of a workflow: one, or one for each key."""

    def __init__(self, run: OpenRun, reader: WorkflowReader) -> None:
        self._reader = reader
        self._source = RunSource(run)
        spec = reader.spec
        lists = [lane.list_task_id for lane in spec.lanes.values()]
        planning = [spec.plan_task_id, spec.listing_task_id]
        self._states = self._source.states([*planning, *spec.node_task_ids, *lists])
        self._blocked = self._source.holders(stored.BLOCKED_XCOM)
        self._roots: dict[KeyPath, int] = reader.roots() if spec.is_mapped else {(): UNMAPPED}

    def selected(self, selection: Selection) -> dict[KeyPath, int]:
        """Return key path -> the map index of its planning task, for the graphs that are chosen.

        Raises:
            UnknownNameError: There is no such key, or none of them has such a node.
        """
        roots = self._of_key(selection.key)
        for name in selection.nodes:
            known = {each: None for at in roots.items() for each in self._clearing(*at).names}
            if name not in known:
                raise unknown(f"node {name!r}", f"the workflow {selection.workflow!r}", name, known)
        return roots

    def clear(self, key_path: KeyPath, root_index: int, names: Collection[str]) -> ClearedGraph:
        """Return what runs again of a graph."""
        clearing = self._clearing(key_path, root_index)
        known = set(clearing.names)
        chosen = [name for name in names if name in known]
        if not names:
            chosen = clearing.failed or clearing.stopped(self._blocked)
        return clearing.clear(chosen, self._blocked)

    def unplanned(self, selection: Selection) -> list[Pair]:
        """Return the task instances that failed to plan, or to list the nodes: there are none to name."""
        if selection.key is not None:
            return []
        spec = self._reader.spec
        planning = (spec.plan_task_id, spec.listing_task_id)
        return [at for at, state in self._states.items() if at[0] in planning and state in FAILURES]

    def _clearing(self, key_path: KeyPath, root_index: int) -> Clearing:
        return Clearing(self._reader, key_path, root_index, self._states)

    def _of_key(self, key: str | None) -> dict[KeyPath, int]:
        if key is None:
            return self._roots
        found = {path: index for path, index in self._roots.items() if path and key in _spellings(path)}
        if not found:
            known = [render_key(path) for path in self._roots if path]
            raise unknown(f"key {key!r}", f"the workflow {self._reader.spec.name!r}", key, known)
        return found


def _spellings(key_path: KeyPath) -> tuple[str, str]:
    return render_key(key_path), json.dumps(list(key_path), ensure_ascii=False)


def _downstream(run: OpenRun, starts: Iterable[Pair]) -> list[str | Pair]:
    """Return what Airflow clears downstream of some task instances."""
    pairs = set(starts)
    if not CLEARS_BY_CLONE:
        # As its REST API does: whatever the map index, all clones.
        part = run.dag.partial_subset(
            task_ids={task_id for task_id, _ in pairs},
            include_downstream=True,
            include_upstream=False,
            exclude_original=True,
        )
        return list(part.task_dict) if pairs else []
    from airflow.models.taskinstance import find_relevant_relatives

    return list(
        find_relevant_relatives(
            {task_id for task_id, index in pairs if index == UNMAPPED},
            {pair for pair in pairs if pair[1] != UNMAPPED},
            direction="downstream",
            dag=run.dag,
            run_id=run.dag_run.run_id,
            session=run.session,
        )
    )


def _existing(run: OpenRun, wanted: Sequence[str | Pair]) -> list[Any]:
    """Return the task instances that there are of those, each once."""
    found: dict[Any, Any] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = list(wanted[start : start + _AT_ONCE])
        # A mapped task that was never expanded has one task instance for all.
        part += [(each[0], UNMAPPED) for each in part if isinstance(each, tuple)]
        for ti in run.dag.clear(dry_run=True, task_ids=part, run_id=run.dag_run.run_id, session=run.session):
            found[ti.id] = ti
    return sorted(found.values(), key=lambda ti: (ti.task_id, ti.map_index))
