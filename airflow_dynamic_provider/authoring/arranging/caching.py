"""Makes tasks keep their results over runs, and refuses those that cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import objects
from airflow_dynamic_provider.errors import MapFunctionError

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.model.scope import MapScope
    from airflow_dynamic_provider.definitions.cache import Cache


def refuse_uncacheable(task: Any, scope: MapScope) -> None:
    """Refuse a task of a mapped function whose result cannot be kept.

    Raises:
        MapFunctionError: It does not run a function in the task's process; or it waits for the same
            computation in other task instances, and runs in batches.
    """
    space, cache = scope.space, scope.cache
    assert cache is not None
    if not is_cacheable(task):
        name = getattr(task, "custom_operator_name", None) or type(task).__name__
        raise MapFunctionError(
            f"the function that is mapped with cache= calls {task.task_id!r}, which is a {name}: only the "
            "functions of plain @task and @task.dynamic have results that can be kept",
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


def is_cacheable(task: Any) -> bool:
    """Return whether a task runs its function in its own process, and returns what the function returns."""
    return objects.runs_plain_function(type(task)) or hasattr(task, "declarations")


def keep_results(task: Any, cache: Cache) -> None:
    """Have a task keep its result over runs.

    Args:
        task: A task for which `is_cacheable` is true.
        cache: The author's settings.
    """
    if hasattr(task, "declarations"):
        from airflow_dynamic_provider.cache.producing import CachedOutputs

        task.results = CachedOutputs(cache)
        return
    from airflow_dynamic_provider.cache.function import CachedFunction

    task.python_callable = CachedFunction(cache, task.python_callable)
