"""Makes a task keep its results over runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import objects
from airflow_dynamic_provider.execution.operators import DynamicTaskOperator

if TYPE_CHECKING:
    from airflow_dynamic_provider.definitions.cache import Cache


def is_cacheable(operator_class: type) -> bool:
    """Return whether an operator runs a function in the task's process, and returns what it returns."""
    return objects.runs_plain_function(operator_class) or issubclass(operator_class, DynamicTaskOperator)


def name_of(operator_class: type) -> str:
    """Return the name of a class of operators in messages."""
    return getattr(operator_class, "custom_operator_name", None) or operator_class.__name__


def keep_results(task: Any, cache: Cache, name: str | None = None) -> None:
    """Have a task keep its results over runs.

    Call it in the Dag file, before the task is copied, or in the task's process before it runs.

    Args:
        task: An operator whose class `is_cacheable`.
        cache: The author's settings.
        name: The name of the task in the keys of its results, by default its task id.
    """
    # Imported here, because a process that reads the Dag file runs one of its tasks.
    if isinstance(task, DynamicTaskOperator):
        from airflow_dynamic_provider.cache.producing import CachedOutputs

        task.results = CachedOutputs(cache, name)
        return
    from airflow_dynamic_provider.cache.function import CachedFunction

    task.python_callable = CachedFunction(cache, task.python_callable, name)
