"""`once`: calls a task inside a mapped function that runs once, and not for each key."""

from __future__ import annotations

from typing import TYPE_CHECKING, ParamSpec, TypeVar

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.authoring.arranging.cloning import adopt_new_tasks
from airflow_dynamic_provider.authoring.model.scope import current_scope, enter_scope
from airflow_dynamic_provider.errors import MapFunctionError

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
R = TypeVar("R")


def once(call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a task that runs once, in a mapped function whose other tasks run for each key.

    Call it in the Dag file. Outside a map, it only calls the task.

    Args:
        call: A ``@task`` function, or a function that calls tasks. It cannot use the item.
        args: Its positional arguments.
        kwargs: Its keyword arguments.

    Returns:
        What the call returns, to be passed to the tasks that run for each key.

    Raises:
        MapFunctionError: It is called in a ``@task_group`` that is mapped.
        HandleUsageError: An argument is the item, or another value per key.

    Example:
        >>> files.map(lambda path: count_lines(path, once(report)))
    """
    scope = current_scope()
    if scope is None:
        return call(*args, **kwargs)
    dag, graph = scope.space.graph.dag, scope.space.graph
    group_id = task_graph.current_group(dag).node_id
    if group_id not in scope.known_groups:
        raise MapFunctionError(
            f"once() is called in the task group {group_id!r}, all of whose tasks run for each key",
            task_id=scope.space.producer.task_id,
            remedy="Call the task outside the group, and pass its output.",
        )
    # What the mapped function has called so far runs for each key.
    adopt_new_tasks(scope)
    before = set(dag.task_ids)
    with enter_scope(None):
        returned = call(*args, **kwargs)
    graph.called_once |= set(dag.task_ids) - before
    return returned
