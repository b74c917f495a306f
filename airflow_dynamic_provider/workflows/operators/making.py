"""Makes the task that a node runs, of the function that its kind names and the settings that it was given."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import WorkflowCallError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


# What a decorator takes and its operator does not: Airflow sets it on the task afterwards. It means something
# for teardowns only, which no node is.
_FOR_TEARDOWNS = "on_failure_fail_dagrun"

# Where in a Dag file a task stands. A node stands in its workflow.
_OF_PLACE = ("dag", "task_group")


def make_task(
    decorator: Any, settings: Mapping[str, Any], positional: Sequence[Any], named: Mapping[str, Any]
) -> Any:
    """Return the operator that a call of a function under ``@task`` or ``@task.dynamic`` stands for."""
    from airflow_dynamic_provider.authoring.decorator import DynamicTask
    from airflow_dynamic_provider.workflows.operators.producing_node import ProducingOperator

    taken = {name: value for name, value in settings.items() if name not in (*_OF_PLACE, _FOR_TEARDOWNS)}
    called = {"python_callable": decorator.function, "op_args": positional, "op_kwargs": named, **taken}
    if isinstance(decorator, DynamicTask):
        return ProducingOperator(**{**called, "declarations": decorator.declarations})
    return decorator.operator_class(multiple_outputs=False, **called)


def try_settings(
    decorator: Any, settings: Mapping[str, Any], positional: Sequence[Any], named: Mapping[str, Any]
) -> None:
    """Refuse a call whose settings Airflow does not take, before anything runs. Call it in a `scratch_dag`.

    Raises:
        WorkflowCallError: It names the function and says what Airflow says.
    """
    name = decorator.function.__name__
    if settings.get(_FOR_TEARDOWNS):
        raise WorkflowCallError(
            f"{name!r} is given {_FOR_TEARDOWNS}=True, which is for teardowns, and no node is one",
            remedy=f"Leave {_FOR_TEARDOWNS}= out: a node that fails fails the workflow anyway.",
        )
    for place in _OF_PLACE:
        if settings.get(place) is not None:
            raise WorkflowCallError(
                f"{name!r} is given {place}=, which a node has none of", remedy=f"Leave {place}= out."
            )
    try:
        make_task(decorator, {**settings, "task_id": "node"}, positional, named)
    except Exception as error:
        raise WorkflowCallError(
            f"{name!r} cannot become a task, because Airflow refuses it: {error}",
            remedy="Correct the settings in @task(...) or override(...).",
        ) from error


@contextmanager
def scratch_dag() -> Iterator[None]:
    """Have operators made in a Dag of their own, which nothing ever runs or finds."""
    from airflow.sdk import DAG

    # Unregistered: Airflow takes every Dag that is made while a file is read for one of the file's. With its
    # own group: the code around may be in a group of another Dag.
    with DAG("plan", schedule=None, auto_register=False) as dag, dag.task_group:
        yield
