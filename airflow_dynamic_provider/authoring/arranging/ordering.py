"""Orders tasks against handles, and lets those after all clones decide as a collector of their values does.

``handle >> task`` is an edge from each clone. Under Airflow's default rule a single skipped key would skip
the task, and so would a list without keys, of which Airflow skips the mapped task as a whole. A collection
leaves skipped keys out and may be empty. So the task waits for two others: one that succeeds unless a clone
failed, and the one that lists the keys, which is skipped where the whole fan-out is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import EdgeModifier, TriggerRule

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.authoring.model.notes import are_related

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.model.dag_graph import ClonedTask, DagGraph


def order(handle: Any, other: Any, *, upstream: bool, edge_modifier: Any = None) -> None:
    """Run the tasks of ``other`` before (``upstream``) or after those of a handle."""
    graph: DagGraph = handle.space.graph
    for each in other if isinstance(other, Sequence) else [other]:
        if isinstance(each, EdgeModifier):
            # It waits for its other end. Of tasks it would wait for their whole mapped group.
            (each.set_downstream if upstream else each.set_upstream)(handle)
            continue
        peers = _tasks(each, is_start=not upstream) if hasattr(each, "source") else [each]
        for task in _tasks(handle, is_start=upstream):
            for peer in peers:
                # What the author asks for is no edge of ours any more.
                if hasattr(each, "source"):
                    graph.own_edges -= {(task.task_id, peer.task_id), (peer.task_id, task.task_id)}
                if upstream:
                    task.set_upstream(peer, edge_modifier)
                else:
                    task.set_downstream(peer, edge_modifier)


def first_task(task: Any) -> Any:
    """Return the task that runs first of what a task ends: of a workflow, the one that plans it."""
    first_id = getattr(task, "first_task_id", None)
    return task if first_id is None else task_graph.get_task(task.dag, first_id)


def _tasks(handle: Any, *, is_start: bool) -> list[Any]:
    graph = handle.space.graph
    ids = {clone.task_id for clone in handle.source.clones} or {handle.source.task_id}
    tasks = [graph.task(task_id) for task_id in sorted(ids)]
    return [first_task(task) for task in tasks] if is_start else tasks


def decide_as_collectors(graph: DagGraph) -> None:
    """Replace the author's edges from all clones of a task to tasks that run once, or for other keys.

    Tasks with a trigger rule of their own are left alone: the rule is the author's word on clones as well.
    """
    for clone, below in find_ordered(graph):
        unfailed = graph.ensure_unfailed_after(clone.operator)
        task_graph.replace_upstream(below, clone.operator, unfailed)
        task_graph.add_edge(graph.task(clone.space.spec.keys_task_id), below)


def find_ordered(graph: DagGraph) -> list[tuple[ClonedTask, Any]]:
    """Return the edges that `decide_as_collectors` has to replace: each clone with the task after it."""
    return [
        (clone, below)
        for clone in graph.clones.values()
        for below in map(graph.task, sorted(clone.operator.downstream_task_ids))
        if _is_ordered(graph, clone, below)
    ]


def _is_ordered(graph: DagGraph, clone: ClonedTask, below: Any) -> bool:
    """Whether an edge is the author's, to a task for which all keys of a clone count."""
    pair = (below.task_id, clone.operator.task_id)
    if below.trigger_rule != TriggerRule.ALL_SUCCESS or below.task_id in graph.helpers:
        return False
    if pair in graph.own_edges or pair in graph.collects_all or pair in graph.uses:
        return False
    other = graph.clones.get(below.task_id)
    return other is None or not are_related(clone.space.spec, other.space.spec)
