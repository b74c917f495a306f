"""Runs a body under a recorder, and plans calls that had to wait for values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.objects import is_annotated
from airflow_dynamic_provider.errors import UnstorableOutputError
from airflow_dynamic_provider.workflows.declared.definition import DEFAULT_MAX_NODES
from airflow_dynamic_provider.workflows.declared.finding import find_kinds
from airflow_dynamic_provider.workflows.declared.kinds import MapTarget, WorkflowTarget
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import Plan, pack_plan, split_arguments
from airflow_dynamic_provider.workflows.planning import assembly
from airflow_dynamic_provider.workflows.recording import calls
from airflow_dynamic_provider.workflows.recording.binding import bind
from airflow_dynamic_provider.workflows.recording.interception import intercepted
from airflow_dynamic_provider.workflows.recording.passing import refuse_unplannable
from airflow_dynamic_provider.workflows.recording.promises import Promise
from airflow_dynamic_provider.workflows.recording.recorder import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_dynamic_provider.workflows.declared.definition import WorkflowDefinition
    from airflow_dynamic_provider.workflows.declared.kinds import Kinds
    from airflow_dynamic_provider.workflows.recording.entries import FindKept


def plan_workflow(
    workflow: WorkflowDefinition,
    arguments: Mapping[str, Any],
    prefix: str = "",
    kinds: Kinds | None = None,
    context: Mapping[str, Any] | None = None,
    find_kept: FindKept | None = None,
) -> Plan:
    """Run a workflow's body and return its plan (see `DynamicWorkflow.plan` and `Recorder`)."""
    kinds = find_kinds(workflow) if kinds is None else kinds
    recorder = Recorder(
        workflow.name,
        kinds,
        workflow.max_nodes,
        refuse_unplannable,
        context,
        workflow.promise_class or Promise,
        find_kept,
    )
    positional, named = split_arguments(arguments)
    # Checked before the body runs, because Python's own message would not name the workflow's line.
    bind(workflow.function, positional, named)
    if is_annotated(workflow.function):
        positional, named = _typed(workflow, positional, named)
    with intercepted(), recorder.recording():
        output = calls.run_body(recorder, workflow, positional, named, is_root=not prefix)
        calls.refuse_changed_operators(recorder)
    plan = assembly.assemble(recorder, output, prefix)
    refuse_unstorable(plan)
    return plan


def _typed(
    workflow: WorkflowDefinition, positional: list[Any], named: dict[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    # Imported here, because many bodies have no annotations, and most have no types that matter.
    from airflow_dynamic_provider.definitions.declarations import has_types

    if not has_types(workflow.function):
        return positional, named
    from airflow_dynamic_provider.execution.typed_calls import typed_arguments

    return typed_arguments(workflow.function, positional, named, workflow.name)


def refuse_unstorable(plan: Plan) -> None:
    """Refuse a plan with a constant that Airflow's own XCom backend cannot carry or would change.

    Raises:
        UnstorableOutputError: The plan has such a constant. The message names the node and the argument.
    """
    try:
        xcom.check_serializable(pack_plan(plan))
    except UnstorableOutputError:
        # The culprit is looked for only now: one check of the whole plan is cheaper than many small ones.
        for noun, template in _named_templates(plan):
            _check(template, noun, xcom.check_serializable)
        raise
    for noun, template in _named_templates(plan):
        for constant in templates.constants(template):
            _check(constant, noun, xcom.check_storable)


def _named_templates(plan: Plan) -> Iterator[tuple[str, Any]]:
    for node in plan.nodes:
        for argument, template in node.arguments.items():
            yield f"the argument {argument!r} of the node {node.name!r}", template
    yield f"the return value of {plan.workflow!r}", [plan.output, [call.output for call in plan.calls]]


def _check(value: Any, noun: str, check: Callable[[Any], None]) -> None:
    try:
        check(value)
    except UnstorableOutputError as error:
        raise UnstorableOutputError(f"{noun}: {error.message}", remedy=error.remedy) from error.__cause__


def plan_later(
    target: WorkflowTarget | MapTarget,
    arguments: Mapping[str, Any],
    prefix: str,
    kinds: Kinds,
    *,
    max_nodes: int = DEFAULT_MAX_NODES,
    retries: int | None = None,
    context: Mapping[str, Any] | None = None,
    find_kept: FindKept | None = None,
) -> Plan:
    """Return the plan of a node that needed values: a workflow or a `map_task`. Runs in the node's process.

    Args:
        target: The target of the node's kind.
        arguments: The node's arguments, resolved.
        prefix: The node's name. All names in the plan begin with it.
        kinds: The kinds of the workflow that made the node.
        max_nodes: The maximum number of nodes of a `map_task`; a workflow has its own maximum.
        retries: The retries of the planned nodes, if fewer than their kind has.
        context: The context of the node's task.
        find_kept: Looks up the outputs of cached workflows that the body calls.

    Raises:
        WorkflowError: The body or the list cannot be planned.
        Exception: The error that the body raises.
    """
    if isinstance(target, WorkflowTarget):
        return plan_workflow(target.workflow, arguments, prefix, kinds, context, find_kept)
    # Imported here, because most nodes that plan call a workflow.
    from airflow_dynamic_provider.workflows.planning.maps import plan_map

    return plan_map(target, arguments, prefix, kinds, max_nodes=max_nodes, retries=retries)
