"""Derives the facts by which clones are arranged, as plain values, from a `DagGraph` and Airflow's graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk import TriggerRule

from airflow_dynamic_provider.authoring.model.notes import Gathering, Notes

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.model.dag_graph import DagGraph
    from airflow_dynamic_provider.execution.sources import CollectionSpec

# With these trigger rules, a task does not run if an upstream task failed.
_PASSING_ON = frozenset({TriggerRule.ALL_SUCCESS, TriggerRule.NONE_FAILED})


def take_notes(graph: DagGraph) -> Notes:
    """Return the facts by which the clones of a Dag are arranged.

    They leave out what the current arrangement has added, so that the wanted one does not depend on it. The
    author's orders between clones are kept in the `DagGraph`, because edges between mapped groups are removed
    from Airflow's graph.
    """
    gate_ids = graph.gate_ids
    upstream = {
        task.task_id: {up for up in task.upstream_task_ids if (task.task_id, up) not in graph.own_edges}
        for task in graph.dag.tasks
        if task.task_id not in gate_ids
    }
    clones = {task_id: clone for task_id, clone in graph.clones.items() if task_id not in gate_ids}
    graph.orders |= {
        (task_id, up)
        for task_id in clones
        for up in upstream[task_id] & clones.keys()
        if (task_id, up) not in graph.collects_all
    }
    return Notes(
        upstream=upstream,
        passing_on={task.task_id for task in graph.dag.tasks if task.trigger_rule in _PASSING_ON},
        space_of={task_id: clone.space.spec for task_id, clone in clones.items()},
        unit_of={task_id: clone.unit for task_id, clone in clones.items()},
        uses={pair: frozenset(ways) for pair, ways in graph.uses.items()},
        orders=frozenset(graph.orders),
        collects_all=frozenset(graph.collects_all),
        gathers={
            task_id: tuple(_gathering(graph, spec) for spec in specs)
            for task_id, specs in graph.collects_below.items()
        },
        cut_of={task_id: clone.cut for task_id, clone in clones.items() if clone.cut is not None},
    )


def _gathering(graph: DagGraph, spec: CollectionSpec) -> Gathering:
    tolerates = spec.is_of_all_keys or graph.tolerates_failures(spec)
    return Gathering(frozenset(spec.task_ids), spec.source.space, tolerates, spec)
