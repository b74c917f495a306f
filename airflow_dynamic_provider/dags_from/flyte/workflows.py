"""``@workflow`` and ``@dynamic``."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte import dags
from airflow_dynamic_provider.dags_from.flyte.graphs import MAX_NODES, FlyteWorkflow
from airflow_dynamic_provider.dags_from.flyte.interfaces import described
from airflow_dynamic_provider.dags_from.flyte.running import in_task
from airflow_dynamic_provider.dags_from.flyte.settings import read_settings
from airflow_dynamic_provider.errors import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.dags_from.flyte.resources import WorkflowFailurePolicy
    from airflow_dynamic_provider.workflows.declared.definition import FailurePolicy


def workflow(
    _workflow_function: Callable[..., Any] | None = None,
    failure_policy: WorkflowFailurePolicy | None = None,
    on_failure: Any = None,
    docs: Any = None,
    **ignored: Any,
) -> Any:
    """Make a workflow of a function. In a Dag file, it becomes a Dag.

    Args:
        _workflow_function: The function, if the decorator is used without parentheses.
        failure_policy: What a failed task means for the others.
        on_failure: Refused.
        docs: The documentation of the Dag, if the function has no docstring.
        ignored: ``interruptible``, ``pickle_untyped`` and ``default_options``, which have no effect here.

    Raises:
        WorkflowError: An argument is refused, or an input has no annotation.
    """
    if on_failure is not None:
        raise WorkflowError(
            "@workflow is given on_failure=, which is not supported",
            remedy="Set on_failure_callback in Airflow's default_args, or add a task with a trigger rule.",
        )

    if unknown := ignored.keys() - {"interruptible", "pickle_untyped", "default_options"}:
        raise WorkflowError(
            f"@workflow is given {min(unknown)}=, which flytekit does not know",
            remedy=f"Leave out {min(unknown)}=.",
        )
    policy: FailurePolicy = "fail_fast" if failure_policy is None else failure_policy.value

    def decorate(function: Callable[..., Any]) -> FlyteWorkflow:
        if function.__doc__ is None and docs is not None:
            function.__doc__ = docs.short_description
        made = FlyteWorkflow(
            described(function), takes_promises=True, failure_policy=policy, max_nodes=MAX_NODES
        )
        dags.define(made, is_entry=True)
        return made

    return decorate if _workflow_function is None else decorate(_workflow_function)


def dynamic(
    _task_function: Callable[..., Any] | None = None, node_dependency_hints: Any = None, **given: Any
) -> Any:
    """Make a workflow whose body runs when its inputs exist, and gets their values.

    Args:
        _task_function: The function, if the decorator is used without parentheses.
        node_dependency_hints: What the body may call without naming it.
        given: The arguments of flytekit's ``@task``.

    Raises:
        WorkflowError: An argument is refused, or an input has no annotation.
    """

    def decorate(function: Callable[..., Any]) -> FlyteWorkflow:
        if inspect.iscoroutinefunction(function):
            raise WorkflowError(
                f"the workflow {function.__name__!r} is async",
                remedy="Leave out async and await: nodes run in parallel anyway.",
            )
        settings = read_settings(function, given)
        made = FlyteWorkflow(
            in_task(described(function), settings),
            # A call with known values is planned together with its caller, unless it has settings of its own.
            is_node=settings.is_own,
            settings=settings.airflow,
            timeout=settings.timeout,
            cache=settings.cache,
            max_nodes=MAX_NODES,
            node_dependency_hints=list(node_dependency_hints or ()),
        )
        dags.define(made, is_entry=False)
        return made

    return decorate if _task_function is None else decorate(_task_function)
