"""Refuses tasks of a map that cannot keep their results over runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cache.tasks import is_cacheable, name_of
from airflow_dynamic_provider.errors import MapFunctionError

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.model.scope import MapScope


def refuse_uncacheable(task: Any, scope: MapScope) -> None:
    """Refuse a task of a mapped function whose result cannot be kept.

    Raises:
        MapFunctionError: It does not run a function in the task's process.
    """
    if not is_cacheable(type(task)):
        raise MapFunctionError(
            f"the function that is mapped with cache= calls {task.task_id!r}, which is a "
            f"{name_of(type(task))}: only the functions of plain @task and @task.dynamic have results that "
            "can be kept",
            task_id=scope.space.producer.task_id,
            remedy="Map it without cache=, or do the work in a @task function.",
        )
