"""Makes the operator that a node runs from the function of its kind and the settings."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.workflows.declared.settings import CACHE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


# A decorator takes this argument, but its operator does not: Airflow sets it on the task afterwards. It only
# applies to teardowns, and a node cannot be one.
_FOR_TEARDOWNS = "on_failure_fail_dagrun"

# The place of a task in a Dag file. A node belongs to its workflow.
_OF_PLACE = ("dag", "task_group")


def make_task(
    decorator: Any, settings: Mapping[str, Any], positional: Sequence[Any], named: Mapping[str, Any]
) -> Any:
    """Return the operator for a call of a function under ``@task`` or ``@task.dynamic``."""
    left_out = (*_OF_PLACE, _FOR_TEARDOWNS, CACHE)
    taken = {name: value for name, value in settings.items() if name not in left_out}
    called = {"python_callable": decorator.function, "op_args": positional, "op_kwargs": named, **taken}
    if (declarations := getattr(decorator, "declarations", None)) is not None:
        # Imported here, because few nodes have declared outputs.
        from airflow_dynamic_provider.workflows.operators.producing_node import ProducingOperator

        return ProducingOperator(**{**called, "declarations": declarations})
    return decorator.operator_class(multiple_outputs=False, **called)


def try_settings(
    decorator: Any, settings: Mapping[str, Any], positional: Sequence[Any], named: Mapping[str, Any]
) -> None:
    """Refuse settings that Airflow does not take, before anything runs. Call it in a `scratch_dag`.

    Raises:
        WorkflowCallError: Airflow refuses them. The message names the function and Airflow's reason.
    """
    name = decorator.function.__name__
    if settings.get(_FOR_TEARDOWNS):
        raise WorkflowCallError(
            f"{name!r} is given {_FOR_TEARDOWNS}=True, which is only for teardowns, but a node cannot be one",
            remedy=f"Leave out {_FOR_TEARDOWNS}=: a failed node fails the workflow anyway.",
        )
    for place in _OF_PLACE:
        if settings.get(place) is not None:
            raise WorkflowCallError(
                f"{name!r} is given {place}=, which a node cannot have", remedy=f"Leave out {place}=."
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
    """Make operators inside the block in a Dag of their own, which nothing ever runs or finds."""
    from airflow.sdk import DAG

    # Not registered, because Airflow treats every Dag that is made while it reads a file as part of the file.
    # With its own group, because the calling code may be in a group of another Dag.
    with DAG("plan", schedule=None, auto_register=False) as dag, dag.task_group:
        yield
