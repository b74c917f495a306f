"""A dynamic workflow as it is declared: its body and its options."""

from __future__ import annotations

import functools
import inspect
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

from airflow_dynamic_provider.errors import WorkflowError
from airflow_dynamic_provider.workflows.declared.allowed import check_tasks
from airflow_dynamic_provider.workflows.declared.settings import NAME, setting_names
from airflow_dynamic_provider.workflows.plan.shapes import return_shape, shape_at

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_dynamic_provider.definitions.cache import Cache
    from airflow_dynamic_provider.definitions.declarations import DynamicOut

#: The maximum number of nodes in a plan unless the workflow sets another one.
DEFAULT_MAX_NODES = 1000

#: What happens to the other nodes when one has failed for good.
FailurePolicy = Literal["fail_fast", "run_all"]

#: The arguments of the decorator that are not arguments of a task.
OPTIONS = (
    *("out", "tasks", "node_dependency_hints", "max_nodes", "failure_policy", "timeout", "cache"),
    *("takes_promises", "is_node"),
)

# Arguments of @task that would change what the planning task stores.
_REFUSED = ("multiple_outputs", "do_xcom_push")


class WorkflowDefinition:
    """A function whose body decides at run time which tasks run, with its options.

    Args:
        function: The body.
        out: The dynamic output that the body returns, ``None`` if it returns something else.
        tasks: Everything that the body may call; ``None`` to follow the names in it.
        node_dependency_hints: What the body may call without naming it.
        max_nodes: The maximum number of nodes in a plan.
        failure_policy: What happens to the other nodes when one has failed for good.
        timeout: How long the whole graph may take, as a timedelta or in seconds; ``None`` for no limit.
        cache: How its output is kept over runs; ``None`` if it is not.
        settings: Arguments of ``@task``, for the planning task.
        takes_promises: Whether the body gets promises of its inputs, also of those whose values are known.
            Such a body cannot decide by values. So it is planned at once where another body calls it.
        is_node: Whether a call in another body is always a node that plans when it runs, with the settings
            of its own planning task. Otherwise a call without promises is planned at once.
        is_named: Whether the name was given in the body of another workflow.
    """

    #: The class of the promises in its body; `Promise` by default. A subclass may add methods.
    promise_class: type | None = None

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        out: DynamicOut | None = None,
        tasks: Sequence[Any] | None = None,
        node_dependency_hints: Sequence[Any] = (),
        max_nodes: int = DEFAULT_MAX_NODES,
        failure_policy: FailurePolicy = "fail_fast",
        timeout: timedelta | float | None = None,
        cache: Cache | str | None = None,
        settings: Mapping[str, Any] | None = None,
        takes_promises: bool = False,
        is_node: bool = False,
        is_named: bool = False,
    ) -> None:
        _check_function(function)
        self.function = function
        self.out = None if out is None else _read_out(out, function)
        self.node_dependency_hints = _check_hints(node_dependency_hints)
        self.max_nodes = _check_max_nodes(max_nodes)
        self.failure_policy = _check_policy(failure_policy)
        self.timeout = _check_timeout(timeout)
        self.settings = _check_settings(settings or {})
        self.cache = None if cache is None else _read_cache(cache, function, self.name)
        self.tasks = check_tasks(tasks, self.name, WorkflowDefinition)
        self._check_hints_are_needed()
        self.takes_promises = takes_promises
        self.is_node = is_node
        self.is_named = is_named
        functools.update_wrapper(cast("Any", self), function)

    @property
    def name(self) -> str:
        """The name of the workflow and of its calls: ``task_id``, or the name of the function."""
        name = self.settings.get("task_id")
        return self.function.__name__ if name is None else name

    @property
    def shape(self) -> Any:
        """The annotation of its output in another body: the body's own, or a dict of values by key."""
        return return_shape(self.function) if self.out is None else dict[str, Any]

    def type_of(self, output: str, parts: Sequence[str], fields: Sequence[str]) -> Any:
        """Return the declared type of the output in a Dag file, or of a part of it.

        Args:
            output: The XCom key of the output or of the part.
            parts: The XCom keys of the items of a tuple, in their order.
            fields: The XCom keys of items of a dict.
        """
        # Imported here, because a Dag file seldom asks.
        from airflow_dynamic_provider.definitions.annotations import types_of
        from airflow_dynamic_provider.definitions.codecs.parts import PartTypes

        if self.out is not None:
            from airflow_dynamic_provider.workflows.declared.keyed import type_of_documents

            return type_of_documents(self.out)
        whole = types_of(self.function).get("return", Any)
        if output in parts:
            return shape_at(whole, parts.index(output))
        if output in fields:
            types = PartTypes.of(whole, dict)
            return Any if types is None else types.at(output)
        return whole

    def _check_hints_are_needed(self) -> None:
        if self.tasks is not None and self.node_dependency_hints:
            raise WorkflowError(
                f"the workflow {self.name!r} has both tasks= and node_dependency_hints=, but tasks= already "
                "lists everything that its body may call",
                remedy="Move the hints into tasks=[...].",
            )

    def __repr__(self) -> str:
        return f"<dynamic workflow {self.name!r}>"


def _check_function(function: Any) -> None:
    if not inspect.isfunction(function):
        raise WorkflowError(
            f"@dynamic_workflow decorates a function, received {function!r}",
            remedy="Pass options by name, as in @dynamic_workflow(max_nodes=...), and decorate a function.",
        )
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise WorkflowError(
            f"the workflow {function.__name__!r} is a generator function, but a body must return its output",
            remedy="Collect the values in a list, and return the list.",
        )
    if inspect.iscoroutinefunction(function):
        raise WorkflowError(
            f"the workflow {function.__name__!r} is async, but a body must be an ordinary function",
            remedy="Leave out async and await: nodes run in parallel anyway.",
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
            remedy=f"Leave it out for the default of {DEFAULT_MAX_NODES}.",
        )
    return max_nodes


def _check_policy(policy: Any) -> FailurePolicy:
    if policy not in get_args(FailurePolicy):
        raise WorkflowError(
            f"failure_policy must be 'fail_fast' or 'run_all', received {policy!r}",
            remedy="'fail_fast' starts no more nodes after one has failed; 'run_all' runs every node that "
            "does not depend on a failed one.",
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
                remedy=f"Leave out {name}=.",
            )
    known = setting_names() | {NAME, "dag", "task_group"}
    if unknown := [name for name in settings if name not in known]:
        # Imported only now, because a correct Dag file does not need it.
        import difflib

        nearest = difflib.get_close_matches(unknown[0], [*known, *OPTIONS], 1)
        raise WorkflowError(
            f"@dynamic_workflow does not know the argument {unknown[0]}=",
            remedy=f"Did you mean {nearest[0]}=?" if nearest else "Leave it out.",
        )
    return dict(settings)


def _read_cache(cache: Any, function: Callable[..., Any], name: str) -> Cache:
    # Imported here, because few workflows keep their outputs.
    from airflow_dynamic_provider.cache.identity import read_cache

    return read_cache(cache, function, name)


def _read_out(out: Any, function: Callable[..., Any]) -> DynamicOut | None:
    # Imported here, because most workflows have no dynamic output.
    from airflow_dynamic_provider.workflows.declared.keyed import read_out

    return read_out(out, function)
