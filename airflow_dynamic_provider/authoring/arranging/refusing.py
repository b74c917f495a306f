"""Refuses what Airflow cannot do key by key: some tasks in a map, and uses of a clone's result outside it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import objects, task_graph
from airflow_dynamic_provider.authoring.model.scope import current_scope
from airflow_dynamic_provider.authoring.references.containers import leaves
from airflow_dynamic_provider.errors import HandleUsageError, MapFunctionError
from airflow_dynamic_provider.execution.spaces import find_routes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.authoring.model.dag_graph import ClonedTask, KeySpace
    from airflow_dynamic_provider.execution.sources import ResultSource


def refuse_uncloneable(task: Any, space: KeySpace) -> None:
    """Refuse a task of a mapped function that Airflow cannot run key by key.

    Raises:
        MapFunctionError: Airflow itself expands the task, or the task skips other tasks by name.
    """
    expanded = [node for node in (task, *task_graph.mapped_groups_around(task)) if task_graph.is_mapped(node)]
    if expanded:
        raise _error(
            space,
            f"the mapped function expands {expanded[0].node_id!r}, and expansions do not nest",
            "Leave expand() out of the mapped function: everything it calls is cloned per key anyway, and a "
            "@task.dynamic called in it can be mapped there.",
        )
    if objects.chooses_tasks(type(task)):
        # apache/airflow#67265: in a mapped group, Airflow 3 does not know for which key the choice was made.
        raise _error(
            space,
            f"the mapped function calls {task.task_id!r}, a {type(task).__name__}, which chooses the tasks "
            "that run after it; inside a map Airflow loses the choice, and runs all of them",
            "Raise AirflowSkipException in a task instead: it skips that key's downstream tasks and nothing "
            "else.",
        )


def refuse_leaks(clone: ClonedTask, source: ResultSource) -> None:
    """Refuse every later task that refers to a clone's result and has no key of its space.

    Args:
        clone: The cloned task.
        source: Its result, as messages name it.
    """
    task, graph = clone.operator, clone.space.graph

    def check(downstream: Any) -> None:
        # The references in a clone have been replaced by references that are read by key.
        if downstream.node_id in graph.clones or not task_graph.refers_to(downstream, task):
            return
        scope = current_scope()
        if scope is None or not find_routes(scope.space.spec, clone.space.spec).found:
            task_graph.leave_mapped_groups(downstream)
            where = "outside" if scope is None else "inside a map over other keys than"
            raise HandleUsageError(
                f"its result was passed to {downstream.node_id!r}, {where} the map that calls it; it has a "
                "value per key, and Airflow would read one of them by position",
                task_id=source.task_id,
                output_name=source.output,
                remedy="Return it from the mapped function, and use the handle that map() returns: pass "
                "handle.collect() to a task, or continue key by key with handle.map(fn).",
            )

    task_graph.watch_downstream(task, check)


def refuse_positions(task: Any, value: Any, clones: Mapping[str, ClonedTask]) -> None:
    """Refuse an argument of a clone in which Airflow itself would read another clone's result.

    Such an argument holds a string that pulls an XCom, or an object that only Airflow looks into: ``map()``
    or ``zip()`` of its own references, or an object with template fields.
    """
    texts = [each for each in leaves(value) if isinstance(each, str)]
    pulled = {task_id for text in texts for task_id in re.findall(_PULL, text)}
    for name in sorted((pulled | task_graph.task_ids_in(value)) & clones.keys()):
        how = "in a string" if name in pulled else "inside another object"
        raise HandleUsageError(
            f"its result was passed to {task.task_id!r} {how}, where Airflow reads it by position and not by "
            "key",
            task_id=name,
            remedy="Pass the result itself, or in a list or a dict: to a BashOperator in env=, to a @task as "
            "an argument.",
        )


# How Airflow converts its own references to strings.
_PULL = r"task_instance\.xcom_pull\(task_ids='([^']+)'"


def _error(space: KeySpace, message: str, remedy: str) -> MapFunctionError:
    task_id, output = space.producer.task_id, getattr(space, "output", None)
    return MapFunctionError(message, task_id=task_id, output_name=output, remedy=remedy)
