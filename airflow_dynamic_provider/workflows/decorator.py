"""The decorator ``@dynamic_workflow`` and the workflow that it makes: the author's interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from airflow_dynamic_provider.workflows.declared.definition import (
    DEFAULT_MAX_NODES,
    OPTIONS,
    FailurePolicy,
    WorkflowDefinition,
)
from airflow_dynamic_provider.workflows.recording.current import current_recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from airflow_dynamic_provider.definitions.cache import Cache
    from airflow_dynamic_provider.definitions.declarations import DynamicOut
    from airflow_dynamic_provider.workflows.declared.kinds import Kinds
    from airflow_dynamic_provider.workflows.plan.plan import Plan

P = ParamSpec("P")
R = TypeVar("R")


class DynamicWorkflow(WorkflowDefinition, Generic[P, R]):
    """A workflow, called in a Dag file or in the body of another workflow. Made by the decorator."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Add the workflow to the Dag, or to the plan of the workflow whose body calls it.

        Returns:
            A reference to its output; in a body, a promise of its output.

        Raises:
            WorkflowError: It is called in a body and cannot be planned.
        """
        if (recorder := current_recorder()) is not None:
            from airflow_dynamic_provider.workflows.recording.calls import record_workflow

            return record_workflow(recorder, self, args, kwargs)
        from airflow_dynamic_provider.workflows.dag.group import build_group

        return build_group(self, args, kwargs)

    def override(self, **arguments: Any) -> DynamicWorkflow[P, R]:
        """Return a copy with other options, or with other planning task arguments such as ``task_id``.

        Raises:
            WorkflowError: An option is wrong.
        """
        is_named = self.is_named or ("task_id" in arguments and current_recorder() is not None)
        options = {name: getattr(self, name) for name in OPTIONS}
        given = {name: arguments.pop(name) for name in OPTIONS if name in arguments}
        return type(self)(
            self.function, **{**options, **given}, settings={**self.settings, **arguments}, is_named=is_named
        )

    def local(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Plan the workflow and run its nodes as plain Python in this process, for a unit test.

        Returns:
            The output, before it passes through XCom to a downstream task.

        Raises:
            WorkflowError: The body does something that cannot be planned.
            Exception: The error that a node raises.
        """
        from airflow_dynamic_provider.workflows.local import run_local

        result: R = run_local(self, args, kwargs)
        return result

    def plan(
        self,
        arguments: Mapping[str, Any],
        prefix: str = "",
        kinds: Kinds | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> Plan:
        """Run the body, record its calls, and return the plan. Runs in the planning task.

        Args:
            arguments: Parameter -> native value; ``"*"`` for positional arguments that have no name.
            prefix: The name of the node that plans the workflow. All names in the plan begin with it.
            kinds: The kinds of nodes of the workflow; found again by default.
            context: Airflow's task context; the body may have parameters for parts of it.

        Raises:
            WorkflowError: The body does something that cannot be planned.
            Exception: The error that the body raises.
        """
        from airflow_dynamic_provider.workflows.planning.planning import plan_workflow

        return plan_workflow(self, arguments, prefix, kinds, context)

    def find_kinds(self, default_retries: int = 0) -> Kinds:
        """Return the kinds of nodes of this workflow and of all workflows that it may call.

        Args:
            default_retries: The number of retries of a task that does not set ``retries``.
        """
        from airflow_dynamic_provider.workflows.declared.finding import find_kinds

        return find_kinds(self, default_retries)


@overload
def dynamic_workflow(python_callable: Callable[P, R], /) -> DynamicWorkflow[P, R]: ...


@overload
def dynamic_workflow(
    *,
    out: DynamicOut | None = None,
    tasks: Sequence[Any] | None = None,
    node_dependency_hints: Sequence[Any] = (),
    max_nodes: int = DEFAULT_MAX_NODES,
    failure_policy: FailurePolicy = "fail_fast",
    timeout: timedelta | float | None = None,
    cache: Cache | str | None = None,
    **arguments: Any,
) -> Callable[[Callable[P, R]], DynamicWorkflow[P, R]]: ...


def dynamic_workflow(
    python_callable: Callable[..., Any] | None = None,
    *,
    out: DynamicOut | None = None,
    tasks: Sequence[Any] | None = None,
    node_dependency_hints: Sequence[Any] = (),
    max_nodes: int = DEFAULT_MAX_NODES,
    failure_policy: FailurePolicy = "fail_fast",
    timeout: timedelta | float | None = None,
    cache: Cache | str | None = None,
    **arguments: Any,
) -> Any:
    """Make a workflow from a function whose body decides at run time which tasks run.

    Use it in a Dag file. The body runs once, in the planning task, with the values of its arguments. Each
    call of a ``@task`` in it adds a node and returns a promise. The nodes run after the body has returned.

    Args:
        python_callable: The function, if the decorator is used without parentheses.
        out: A `DynamicOut`, if the body returns a list of `DynamicOutput`. Their values may be promises. A
            call in the Dag file then returns a handle. A call in another body returns a promise of a dict of
            the values by key.
        tasks: A list of everything that the body may call: ``@task`` and ``@task.dynamic`` functions, task
            groups, operator classes, other workflows, and ``map_task(task)`` for a task that is mapped over a
            promise; each also under ``override`` or ``functools.partial``. The tasks that a listed group
            names, and those that a listed workflow may call, are added. Any other call fails when the body
            makes it. Without ``tasks``, the names in the body are followed. Computed names are not found.
        node_dependency_hints: Tasks, operator classes and workflows that the body may call without naming
            them. Only without ``tasks``.
        max_nodes: The maximum number of nodes, including those of workflows planned inside. 1,000 by default.
        failure_policy: ``"fail_fast"`` starts no more nodes after one has failed for good; ``"run_all"`` runs
            every node that does not depend on a failed one.
        timeout: How long planning and all nodes may take together, as a timedelta or in seconds. No limit by
            default.
        cache: A `Cache`, or ``"auto"``, to keep the output over runs, by the inputs of the workflow. If it is
            there, nothing is planned. By default, it is not kept.
        arguments: Arguments of ``@task`` for the planning task, such as ``task_id``, ``retries`` or ``pool``.

    Returns:
        A workflow. A call of it in the Dag file adds it to the Dag and returns a reference to its output, or
        a handle if ``out=`` is given.

    Raises:
        WorkflowError: The function is a generator or async, or an option is wrong.

    Example:
        >>> @dynamic_workflow(tasks=[evaluate])
        ... def evaluate_all(count: int) -> list[str]:
        ...     return [evaluate(number) for number in range(count)]
    """

    def decorate(function: Callable[..., Any]) -> DynamicWorkflow[..., Any]:
        return DynamicWorkflow(
            function,
            out=out,
            tasks=tasks,
            node_dependency_hints=node_dependency_hints,
            max_nodes=max_nodes,
            failure_policy=failure_policy,
            timeout=timeout,
            cache=cache,
            settings=arguments,
        )

    return decorate if python_callable is None else decorate(python_callable)
