"""``@dynamic_workflow``: the object behind the decorator, in the Dag file and in the planning task."""

from __future__ import annotations

import functools
import inspect
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, overload

from airflow_dynamic_provider.errors import WorkflowError
from airflow_dynamic_provider.workflows.keyed import read_out
from airflow_dynamic_provider.workflows.shapes import return_shape
from airflow_dynamic_provider.workflows.validation import DEFAULT_MAX_NODES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_dynamic_provider.definitions.declarations import DynamicOut
    from airflow_dynamic_provider.workflows.kinds import Kinds
    from airflow_dynamic_provider.workflows.plan import Plan

P = ParamSpec("P")
R = TypeVar("R")

#: What happens to the other nodes when one has failed for good.
FailurePolicy = Literal["fail_fast", "run_all"]

_POLICIES = ("fail_fast", "run_all")
_OPTIONS = ("out", "node_dependency_hints", "max_nodes", "failure_policy", "timeout")
# Arguments of @task that would change what the planning task stores.
_REFUSED = ("multiple_outputs", "do_xcom_push")


class DynamicWorkflow(Generic[P, R]):
    """A function whose body says, at run time, which tasks run. Made by the decorator.

    Args:
        function: The body.
        out: The dynamic output that the body returns, ``None`` if it returns something else.
        node_dependency_hints: What the body may call though nothing in it names it.
        max_nodes: How many nodes a plan may have.
        failure_policy: What happens to the other nodes when one has failed for good.
        timeout: How long the whole graph may take, a timedelta or seconds; ``None`` for no limit.
        settings: Arguments of ``@task``, for the planning task.
        is_named: Whether the name was given in the body of another workflow.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        out: DynamicOut | None = None,
        node_dependency_hints: Sequence[Any] = (),
        max_nodes: int = DEFAULT_MAX_NODES,
        failure_policy: FailurePolicy = "fail_fast",
        timeout: timedelta | float | None = None,
        settings: Mapping[str, Any] | None = None,
        is_named: bool = False,
    ) -> None:
        _check_function(function)
        self.function = function
        self.out = read_out(out, function)
        self.node_dependency_hints = _check_hints(node_dependency_hints)
        self.max_nodes = _check_max_nodes(max_nodes)
        self.failure_policy = _check_policy(failure_policy)
        self.timeout = _check_timeout(timeout)
        self.settings = _check_settings(settings or {})
        self.is_named = is_named
        functools.update_wrapper(self, function)

    @property
    def name(self) -> str:
        """The name of the workflow, and of its calls: ``task_id``, or that of the function."""
        name = self.settings.get("task_id")
        return self.function.__name__ if name is None else name

    @property
    def shape(self) -> Any:
        """The annotation of what a call gives in another body: the body's, or a dict of values by key."""
        return return_shape(self.function) if self.out is None else dict[str, Any]

    def __repr__(self) -> str:
        return f"<dynamic workflow {self.name!r}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        """Add the workflow to the Dag; in the body of another one, to that one's plan.

        Returns:
            A reference to its output; in a body, the promise of it.

        Raises:
            WorkflowError: It is called in a body, and cannot be planned.
        """
        from airflow_dynamic_provider.workflows.recorder import current_recorder

        if (recorder := current_recorder()) is not None:
            from airflow_dynamic_provider.workflows.calls import record_workflow

            return record_workflow(recorder, self, args, kwargs)
        from airflow_dynamic_provider.workflows.group import build_group

        return build_group(self, args, kwargs)

    def override(self, **arguments: Any) -> DynamicWorkflow[P, R]:
        """Return a copy with other options, or other arguments for the planning task, such as ``task_id``.

        Raises:
            WorkflowError: An option is wrong.
        """
        from airflow_dynamic_provider.workflows.recorder import current_recorder

        is_named = self.is_named or ("task_id" in arguments and current_recorder() is not None)
        options = {name: getattr(self, name) for name in _OPTIONS}
        given = {name: arguments.pop(name) for name in _OPTIONS if name in arguments}
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
        from airflow_dynamic_provider.workflows.planning import plan_workflow

        return plan_workflow(self, arguments, prefix, kinds, context)

    def find_kinds(self, default_retries: int = 0) -> Kinds:
        """Return what there is to run nodes of this workflow and of all that it may call.

        Args:
            default_retries: The retries of a task that does not say how many it has.
        """
        from airflow_dynamic_provider.workflows.finding import find_kinds

        return find_kinds(self.function, self.node_dependency_hints, default_retries)


@overload
def dynamic_workflow(python_callable: Callable[P, R], /) -> DynamicWorkflow[P, R]: ...


@overload
def dynamic_workflow(
    *,
    out: DynamicOut | None = None,
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
        node_dependency_hints: Tasks, operator classes and workflows that the body may call though nothing in
            it names them.
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
        >>> @dynamic_workflow
        ... def all_of_them(count: int) -> list[str]:
        ...     return [process(number) for number in range(count)]
    """

    def decorate(function: Callable[..., Any]) -> DynamicWorkflow[..., Any]:
        return DynamicWorkflow(
            function,
            out=out,
            node_dependency_hints=node_dependency_hints,
            max_nodes=max_nodes,
            failure_policy=failure_policy,
            timeout=timeout,
            settings=arguments,
        )

    return decorate if python_callable is None else decorate(python_callable)


def _check_function(function: Any) -> None:
    if not inspect.isfunction(function):
        raise WorkflowError(
            f"@dynamic_workflow decorates a function, received {function!r}",
            remedy="Name the options: @dynamic_workflow(max_nodes=...), and put it above the function only.",
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise WorkflowError(
            f"the workflow {function.__name__!r} is a generator function, and a body must return its output",
            remedy="Collect in a list what it yields, and return the list.",
        )
    if inspect.iscoroutinefunction(function):
        raise WorkflowError(
            f"the workflow {function.__name__!r} is async, and a body only says what is to run",
            remedy="Leave out async and await; nodes run side by side anyway.",
        )


def _check_hints(hints: Any) -> tuple[Any, ...]:
    if not isinstance(hints, list | tuple):
        raise WorkflowError(
            f"node_dependency_hints must be a list, received {hints!r}",
            remedy="Write node_dependency_hints=[task, BashOperator, workflow].",
        )
    return tuple(hints)


def _check_max_nodes(max_nodes: Any) -> int:
    if not isinstance(max_nodes, int) or isinstance(max_nodes, bool) or max_nodes < 1:
        raise WorkflowError(
            f"max_nodes must be a whole number of at least 1, received {max_nodes!r}",
            remedy=f"Leave it out for {DEFAULT_MAX_NODES}.",
        )
    return max_nodes


def _check_policy(policy: Any) -> FailurePolicy:
    if policy not in _POLICIES:
        raise WorkflowError(
            f"failure_policy must be 'fail_fast' or 'run_all', received {policy!r}",
            remedy="'fail_fast' starts no further node once one has failed; 'run_all' runs what it can.",
        )
    return policy  # type: ignore[no-any-return]


def _check_timeout(timeout: Any) -> timedelta | None:
    if isinstance(timeout, int | float) and not isinstance(timeout, bool):
        timeout = timedelta(seconds=timeout)
    if timeout is not None and (not isinstance(timeout, timedelta) or timeout <= timedelta(0)):
        raise WorkflowError(
            f"timeout must be a timedelta or a number of seconds above 0, received {timeout!r}",
            remedy="Leave it out for no limit.",
        )
    return timeout


def _check_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    for name in _REFUSED:
        if name in settings:
            raise WorkflowError(
                f"@dynamic_workflow does not take {name}=, because it decides what its planning task stores",
                remedy=f"Leave {name}= out.",
            )
    from airflow_dynamic_provider.workflows.kinds import NAME, setting_names

    known = setting_names() | {NAME, "dag", "task_group"}
    if unknown := [name for name in settings if name not in known]:
        # Only now: a Dag file that is right does without it.
        import difflib

        nearest = difflib.get_close_matches(unknown[0], [*known, *_OPTIONS], 1)
        raise WorkflowError(
            f"@dynamic_workflow does not know the argument {unknown[0]}=",
            remedy=f"Did you mean {nearest[0]}=?" if nearest else "Leave it out.",
        )
    return dict(settings)
