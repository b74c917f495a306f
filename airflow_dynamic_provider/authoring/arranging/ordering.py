"""Orders tasks relative to handles. A task after all clones runs under the same rules as a collector.

``handle >> task`` is an edge from each clone. Under Airflow's default rule, a single skipped key would skip
the task. So would an empty list of keys, because Airflow then skips the whole mapped task. A collection,
however, leaves skipped keys out and may be empty. So the task waits for two others: one that succeeds unless
a clone failed, and the one that lists the keys, which is skipped if the whole fan-out is.
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
    """Set the tasks of ``other`` to run before (``upstream``) or after those of a handle."""
    graph: DagGraph = handle.space.graph
    for each in other if isinstance(other, Sequence) else [other]:
        if isinstance(each, EdgeModifier):
            # A label keeps its two ends. With tasks as an end, it would order their whole mapped group.
            (each.set_downstream if upstream else each.set_upstream)(handle)
            continue
        peers = _tasks(each, is_start=not upstream) if hasattr(each, "source") else [each]
        for task in _tasks(handle, is_start=upstream):
            for peer in peers:
                # An edge that the author asks for does not belong to the arrangement any more.
                if hasattr(each, "source"):
                    graph.own_edges -= {(task.task_id, peer.task_id), (peer.task_id, task.task_id)}
                if upstream:
                    task.set_upstream(peer, edge_modifier)
                else:
                    task.set_downstream(peer, edge_modifier)


def first_task(task: Any) -> Any:
    """Return the planning task of the workflow that a task ends, or the task itself if it ends none."""
    first_id = getattr(task, "first_task_id", None)
    return task if first_id is None else task_graph.get_task(task.dag, first_id)


def _tasks(handle: Any, *, is_start: bool) -> list[Any]:
    graph = handle.space.graph
    ids = {clone.task_id for clone in handle.source.clones} or {handle.source.task_id}
    tasks = [graph.task(task_id) for task_id in sorted(ids)]
    return [first_task(task) for task in tasks] if is_start else tasks


def decide_as_collectors(graph: DagGraph) -> None:
    """Replace the author's edges from all clones of a task to tasks that run once, or for other keys.

    A task with a trigger rule of its own keeps its edges, because the author's rule also applies to clones.
    """
    for clone, below in find_ordered(graph):
        unfailed = graph.ensure_unfailed_after(clone.operator)
        task_graph.replace_upstream(below, clone.operator, unfailed)
        task_graph.add_edge(graph.task(clone.space.spec.keys_task_id), below)


def find_ordered(graph: DagGraph) -> list[tuple[ClonedTask, Any]]:
    """Return the edges that `decide_as_collectors` replaces, as pairs of a clone and a task after it."""
    return [
        (clone, below)
        for clone in graph.clones.values()
        for below in map(graph.task, sorted(clone.operator.downstream_task_ids))
        if _is_ordered(graph, clone, below)
    ]


def _is_ordered(graph: DagGraph, clone: ClonedTask, below: Any) -> bool:
    """Return whether an edge is the author's, and leads to a task that depends on all keys of the clone."""
    pair = (below.task_id, clone.operator.task_id)
    if below.trigger_rule != TriggerRule.ALL_SUCCESS or below.task_id in graph.helpers:
        return False
    if pair in graph.own_edges or pair in graph.collects_all or pair in graph.uses:
        return False
    other = graph.clones.get(below.task_id)
    return other is None or not are_related(clone.space.spec, other.space.spec)
