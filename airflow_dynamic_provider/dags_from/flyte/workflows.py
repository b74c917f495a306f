"""``@workflow`` and ``@dynamic``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte import dags
from airflow_dynamic_provider.dags_from.flyte.graphs import FlyteWorkflow
from airflow_dynamic_provider.dags_from.flyte.interfaces import described

if TYPE_CHECKING:
    from collections.abc import Callable


def workflow(_workflow_function: Callable[..., Any] | None = None) -> Any:
    """Make a workflow of a function. In a Dag file, it becomes a Dag."""

    def decorate(function: Callable[..., Any]) -> FlyteWorkflow:
        made = FlyteWorkflow(described(function), takes_promises=True)
        dags.define(made, is_entry=True)
        return made

    return decorate if _workflow_function is None else decorate(_workflow_function)


def dynamic(_task_function: Callable[..., Any] | None = None, **settings: Any) -> Any:
    """Make a workflow whose body runs when its inputs exist, and gets their values."""

    def decorate(function: Callable[..., Any]) -> FlyteWorkflow:
        made = FlyteWorkflow(described(function), is_node=bool(settings), settings=settings)
        dags.define(made, is_entry=False)
        return made

    return decorate if _task_function is None else decorate(_task_function)
