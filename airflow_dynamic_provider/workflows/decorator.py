"""The decorator ``@dynamic_workflow``, and what it makes: all that an author does with a workflow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, overload

from airflow_dynamic_provider.workflows.declared.definition import OPTIONS, FailurePolicy, WorkflowDefinition
from airflow_dynamic_provider.workflows.plan.validation import DEFAULT_MAX_NODES
from airflow_dynamic_provider.workflows.recording.recorder import current_recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from airflow_dynamic_provider.definitions.declarations import DynamicOut
    from airflow_dynamic_provider.workflows.declared.kinds import Kinds
    from airflow_dynamic_provider.workflows.plan.plan import Plan

P = ParamSpec("P")
R = TypeVar("R")


class DynamicWorkflow(WorkflowDefinition, Generic[P, R]):
    """A workflow, to be called in a Dag file or in the body of another one. Made by the decorator."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Add the workflow to the Dag; in the body of another one, to that one's plan.

        Returns:
            A reference to its output; in a body, the promise of it.

        Raises:
            WorkflowError: It is called in a body, and cannot be planned.
        """
        if (recorder := current_recorder()) is not None:
            from airflow_dynamic_provider.workflows.recording.calls import record_workflow

            return record_workflow(recorder, self, args, kwargs)
        from airflow_dynamic_provider.workflows.dag.group import build_group

        return build_group(self, args, kwargs)

    def override(self, **arguments: Any) -> DynamicWorkflow[P, R]:
        """Return a copy with other options, or other arguments for the planning task, such as ``task_id``.

        Raises:
            WorkflowError: An option is wrong.
        """
        is_named = self.is_named or ("task_id" in arguments and current_recorder() is not None)
        options = {name: getattr(self, name) for name in OPTIONS}
        given = {name: arguments.pop(name) for name in OPTIONS if name in arguments}
        return DynamicWorkflow(
            self.function, **{**options, **given}, settings={**self.settings, **arguments}, is_named=is_named
        )

    def local(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Plan the workflow and run its nodes in plain Python, in this process: for a unit test.

        Returns:
            The output, before it goes through XCom to the task that is given it.

        Raises:
            WorkflowError: The body does what a plan cannot have.
            Exception: What a node raises.
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
        """Run the body under a recorder and return what it asked for. In the planning task.

        Args:
            arguments: Parameter -> native value; ``"*"`` for positional ones that have no name.
            prefix: The name of the node that this is planned for, with which all names begin.
            kinds: What there is to run nodes; found again by default.
            context: Airflow's task context; a body may ask for parts of it.

        Raises:
            WorkflowError: The body does what a plan cannot have.
            Exception: What the body raises.
        """
        from airflow_dynamic_provider.workflows.planning.planning import plan_workflow

        return plan_workflow(self, arguments, prefix, kinds, context)

    def find_kinds(self, default_retries: int = 0) -> Kinds:
        """Return what there is to run nodes of this workflow and of all that it may call.

        Args:
            default_retries: The retries of a task that does not say how many it has.
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
    **arguments: Any,
) -> Any:
    """Make a workflow of a function whose body says, when its inputs exist, which tasks run.

    Use it in a Dag file. The body runs once, in the task that plans, with the values of its arguments; each
    call of a ``@task`` in it adds a node and gives a promise. The nodes run when the body has returned.

    Args:
        python_callable: The function, when the decorator is used without parentheses.
        out: A `DynamicOut`, if the body returns a list of `DynamicOutput`, whose values may be promises. The
            call in the Dag file then returns a handle, and one in another body the promise of a dict of the
            values by key.
        tasks: All that the body may call, a list: ``@task`` and ``@task.dynamic`` functions, task groups,
            classes of operators, other workflows, and ``map_task(task)`` for what is mapped over a promise;
            each also under ``override`` or ``functools.partial``. What a listed group names, and what a
            listed workflow may call, is added. Any other call is refused when the body makes it. Without
            ``tasks``, the names in the body are followed, which finds nothing behind a computed name.
        node_dependency_hints: Tasks, operator classes and workflows that the body may call though nothing in
            it names them. Only without ``tasks``.
        max_nodes: How many nodes a plan may have, with those of workflows planned inside. 1,000 by default.
        failure_policy: ``"fail_fast"`` starts no further node once one has failed for good;
            ``"run_all"`` runs every node that does not need a failed one.
        timeout: How long planning and all nodes may take together, a timedelta or seconds. By default there
            is no limit.
        arguments: What ``@task`` takes, for the planning task: ``task_id``, ``retries``, ``pool`` and so on.

    Returns:
        A function that, called in the Dag file, adds the workflow and returns a reference to its output, or
        with ``out=`` a handle.

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
            settings=arguments,
        )

    return decorate if python_callable is None else decorate(python_callable)
