"""Refuses tasks that cannot be cloned per key, and says what to write instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import objects, task_graph
from airflow_dynamic_provider.errors import MapFunctionError

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.model.dag_graph import KeySpace


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


def _error(space: KeySpace, message: str, remedy: str) -> MapFunctionError:
    task_id, output = space.producer.task_id, getattr(space, "output", None)
    return MapFunctionError(message, task_id=task_id, output_name=output, remedy=remedy)
