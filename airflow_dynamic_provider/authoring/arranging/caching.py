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
        MapFunctionError: It does not run a function in the task's process; or it waits for the same
            computation in other task instances, and runs in batches.
    """
    space, cache = scope.space, scope.cache
    assert cache is not None
    if not is_cacheable(type(task)):
        raise MapFunctionError(
            f"the function that is mapped with cache= calls {task.task_id!r}, which is a "
            f"{name_of(type(task))}: only the functions of plain @task and @task.dynamic have results that "
            "can be kept",
            task_id=space.producer.task_id,
            remedy="Map it without cache=, or do the work in a @task function.",
        )
    if cache.serialize and scope.batches is not None:
        raise MapFunctionError(
            f"the function that is mapped in batches calls {task.task_id!r}, whose cache has "
            "serialize=True: the batch would have to wait for other task instances",
            task_id=space.producer.task_id,
            remedy="Leave serialize= out, or map it without batch=.",
        )
