"""Runs the function, operator or further workflow that a node calls, in the task's process."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.objects import is_annotated, runs_plain_function
from airflow_dynamic_provider.airflow_adapter.running import inside_another, join_dag
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.workflows.declared.kinds import (
    MapTarget,
    OperatorTarget,
    TaskTarget,
    WorkflowTarget,
)
from airflow_dynamic_provider.workflows.declared.settings import CACHE
from airflow_dynamic_provider.workflows.operators.making import make_task
from airflow_dynamic_provider.workflows.plan import template_text
from airflow_dynamic_provider.workflows.plan.plan import PlannedNode, split_arguments

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_dynamic_provider.workflows.declared.kinds import Kind, Kinds
    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
    from airflow_dynamic_provider.workflows.progress.stored import ListedNode

# The fields that hold the arguments of a function.
_ARGUMENTS = frozenset({"op_args", "op_kwargs"})


class NodeTask(Protocol):
    """The operator of a node's task instance: its kind, and the workflow's kinds and spec."""

    task_id: str
    retries: int | None
    kind: ClassVar[Kind]
    kinds: ClassVar[Kinds]
    spec: ClassVar[WorkflowSpec]


class Resume(Record):
    """The method, with its arguments, that resumes a deferred operator."""

    next_method: str
    next_kwargs: dict[str, Any] | None


def run_node(
    context: Any,
    operator: NodeTask,
    listed: ListedNode,
    arguments: Mapping[str, Any],
    resume: Resume | None,
) -> Any:
    """Run a node and return its value. A node that plans further nodes stores the plan.

    Raises:
        AirflowFailException: The node failed, and its own retries, fewer than those of its kind, are used up.
    """
    target, node = operator.kind.target, listed.node
    with _own_retries(context, operator, node):
        if isinstance(target, (WorkflowTarget, MapTarget)):
            # Imported here, because most nodes plan nothing.
            from airflow_dynamic_provider.workflows.tasks.planning_task import plan_further

            return plan_further(
                context, target, node, listed.plan_address.key_path, arguments, operator.kinds, operator.spec
            )
        made = _make(operator, target, arguments, context["dag"].default_args)
        _render(context, made, target)
        return _run_operator(context, made, resume)


def _make(
    operator: NodeTask,
    target: TaskTarget | OperatorTarget,
    arguments: Mapping[str, Any],
    default_args: Mapping[str, Any],
) -> Any:
    """Return the operator for the call in the body."""
    own = operator.kind.settings
    default_args = {**default_args, **(own.get("default_args") or {})}
    settings = {**own, "task_id": operator.task_id, "default_args": default_args}
    if isinstance(target, OperatorTarget):
        settings["default_args"] = _marked_defaults(target.operator_class, default_args)
        return target.operator_class(**{**settings, **arguments})
    made = make_task(target.decorator, settings, *split_arguments(arguments))
    function = target.decorator.function
    if runs_plain_function(type(made)) and is_annotated(function):
        # Imported here, because many functions have no annotations.
        from airflow_dynamic_provider.definitions.declarations import has_types

        if has_types(function):
            from airflow_dynamic_provider.execution.typed_calls import typed

            made.python_callable = typed(function, operator.task_id)
    if (cache := own.get(CACHE)) is not None:
        # Imported here, because few nodes keep their results.
        from airflow_dynamic_provider.cache.tasks import keep_results
        from airflow_dynamic_provider.definitions.cache import Cache

        keep_results(made, Cache.of(cache), f"{operator.spec.name}.{operator.kind.name}")
    return made


def _render(context: Any, made: Any, target: TaskTarget | OperatorTarget) -> None:
    """Render the templates that the author wrote, but nothing that the body or other nodes have computed.

    The arguments of a function are data and are not rendered. Its other fields come from the Dag file. The
    arguments of an operator may hold data, so only marked strings are rendered.
    """
    join_dag(made, context["dag"])
    if isinstance(target, OperatorTarget):
        made.prepare_template()
        template_text.render_marked(context, made)
        return
    made.template_fields = tuple(name for name in made.template_fields if name not in _ARGUMENTS)
    made.resolve_template_files()
    made.render_template_fields(context)


def _marked_defaults(operator_class: Any, default_args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the default arguments with their strings marked as templates: they come from the Dag file."""
    fields = operator_class.template_fields
    return {
        name: template_text.marked(value) if name in fields else value for name, value in default_args.items()
    }


def _run_operator(context: Any, made: Any, resume: Resume | None) -> Any:
    with inside_another(made):
        if resume is not None:
            return made.resume_execution(resume.next_method, resume.next_kwargs, context)
        return made.execute(context)


@contextlib.contextmanager
def _own_retries(context: Any, operator: NodeTask, node: PlannedNode) -> Iterator[None]:
    """Fail for good when the node's own retries are used up, even if its kind has more."""
    from airflow_dynamic_provider.version_compat import (
        AirflowFailException,
        AirflowRescheduleException,
        AirflowSkipException,
    )

    try:
        yield
    except (AirflowFailException, AirflowSkipException, AirflowRescheduleException):
        raise
    except Exception as error:
        # Each time a task instance is cleared, Airflow adds the number of earlier tries to ``max_tries``.
        earlier = context["ti"].max_tries - (operator.retries or 0)
        if node.retries is None or xcom.attempt_of(context) - earlier <= node.retries:
            raise
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error
