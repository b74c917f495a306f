"""Keeps a `DagGraph` for each Dag that is being defined, and completes it when the Dag is complete."""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.airflow_adapter.objects import runs_plain_function
from airflow_dynamic_provider.authoring.arranging.filling import fill_arguments
from airflow_dynamic_provider.authoring.arranging.ordering import find_ordered
from airflow_dynamic_provider.authoring.arranging.segments import arrange
from airflow_dynamic_provider.authoring.model.dag_graph import DagGraph
from airflow_dynamic_provider.definitions.declarations import takes_types

if TYPE_CHECKING:
    from airflow.sdk import DAG

    from airflow_dynamic_provider.authoring.model.dag_graph import ClonedTask

# Keyed by identity, because a Dag's equality and hash change while it is defined. Weak, so that a graph
# lives as long as the operators that hold references to it, and no longer than the Dag.
_GRAPHS: weakref.WeakValueDictionary[int, DagGraph] = weakref.WeakValueDictionary()


def ensure_graph_of(dag: DAG) -> DagGraph:
    """Return the graph of a Dag; create it on the first call."""
    known = _GRAPHS.get(id(dag))
    if known is None or not known.is_of(dag):
        known = _GRAPHS[id(dag)] = DagGraph(dag)
        task_graph.watch_end(dag, functools.partial(_finish, known))
    return known


def _finish(graph: DagGraph) -> None:
    """Process the tasks outside maps, when the Dag is complete."""
    filled = False
    for task in graph.dag.tasks:
        if task.task_id not in graph.clones and not task_graph.is_mapped(task):
            filled |= fill_arguments(task)
        if graph.collects(task.task_id) and task.task_id not in graph.clones:
            _take_types(task)
    batched = [clone for clone in graph.clones.values() if clone.cut is not None]
    if batched:
        # Imported here, because most Dags have no batches.
        from airflow_dynamic_provider.authoring.arranging.batching import refuse_rules_after
    for clone in batched:
        refuse_rules_after(graph, clone)
        if _ends_here(graph, clone):
            # Airflow decides the state of a run by its last tasks, and a batch succeeds although keys failed
            # in the batches before it.
            graph.ensure_unfailed_after(clone.operator)
    # A collector of a batched task also waits for the tasks before it, and may have come after the last map.
    if filled or batched or find_ordered(graph):
        arrange(graph)


def _take_types(task: Any) -> None:
    """Have a task that collects receive what its annotations say. Airflow stores what it returns."""
    kind = task.operator_class if task_graph.is_mapped(task) else type(task)
    if runs_plain_function(kind) and takes_types(task.python_callable):
        # Imported here, because most collectors have no types that matter.
        from airflow_dynamic_provider.execution.typed_calls import typed

        task.python_callable = typed(task.python_callable, task.task_id, keep=None)


def _ends_here(graph: DagGraph, clone: ClonedTask) -> bool:
    """Return whether no task runs after a batched task that needs others."""
    return clone.operator.task_id in graph.gates and not clone.operator.downstream_task_ids
