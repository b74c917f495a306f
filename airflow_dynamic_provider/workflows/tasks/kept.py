"""The output of a whole workflow that is kept over runs.

The planning task looks it up. If it is there, the plan has no nodes, and returns it. Otherwise the task of
the result stores it. The same is done for a workflow that the body of another one calls: what plans it looks
its output up, and the task of the result of the outermost workflow stores it. The kept form is the template
of the output, as in a plan.
"""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cache import results
from airflow_dynamic_provider.cache.claims import Claim
from airflow_dynamic_provider.cache.entries import value_from_json, value_to_json
from airflow_dynamic_provider.cache.identity import Computation, Identity
from airflow_dynamic_provider.cache.running import Running, made_by
from airflow_dynamic_provider.definitions.annotations import types_of
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.errors import DynamicOutputsError, LayoutError
from airflow_dynamic_provider.execution.batches.parameters import ContextParameters
from airflow_dynamic_provider.execution.layout import StoredMetadata
from airflow_dynamic_provider.execution.metadata import note_origin
from airflow_dynamic_provider.execution.typed_values import check_type_of
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import KeptOutput, Plan
from airflow_dynamic_provider.workflows.plan.shapes import check_items
from airflow_dynamic_provider.workflows.progress.run_graph import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow_dynamic_provider.definitions.cache import Cache
    from airflow_dynamic_provider.workflows.declared.definition import WorkflowDefinition
    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
    from airflow_dynamic_provider.workflows.plan.references import Reference
    from airflow_dynamic_provider.workflows.progress.run_graph import RunGraph

log = logging.getLogger(__name__)


class _RunningWorkflow(Running):
    """A workflow that is about to be planned. Its last task holds the claim until it has ended."""

    @property
    def claimant(self) -> Claim:
        """What the workflow claims the computation as."""
        last = self.context["task"].spec.result_task_id
        return Claim(replace(super().claimant.owner, task_id=last), until_end=True)


def find_output(context: Any, operator: Any, cache: Cache) -> tuple[KeptOutput, Plan | None]:
    """Return what the output of a workflow is kept as, and a plan that returns the output of an earlier run.

    The planning task calls it. One call to the object store.

    Raises:
        UncacheableInputError: An argument cannot be hashed.
    """
    workflow, name = operator.workflow, operator.spec.name
    running = _running(_RunningWorkflow, context, workflow, cache, name, operator.op_args, operator.op_kwargs)
    identity = running.identity
    if (hit := running.find(lambda stored: read_output(workflow, stored))) is None:
        return KeptOutput(identity.key, identity.version), None
    running.use(hit)
    kept = KeptOutput(identity.key, identity.version, hit.made_by)
    return kept, Plan(workflow.name, output=hit.content, kept=kept)


def find_called(
    context: Any,
    spec: WorkflowSpec,
    workflow: WorkflowDefinition,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> tuple[KeptOutput, Any]:
    """Return what the output of a workflow that a body calls is kept as, and that of an earlier run.

    What plans the workflow calls it. One call to the object store. It does not wait for other task instances:
    two workflows that each hold what the other needs would wait for ever.

    Args:
        context: Airflow's task context.
        spec: The outermost workflow.
        workflow: The called workflow, which has a cache.
        args: The positional arguments of its body.
        kwargs: Its arguments by name.

    Raises:
        UncacheableInputError: An argument cannot be hashed.
    """
    assert workflow.cache is not None
    cache = dataclasses.replace(workflow.cache, serialize=False)
    running = _running(Running, context, workflow, cache, _name_of(spec, workflow.name), args, kwargs)
    identity = running.identity
    if (hit := running.find(lambda stored: read_output(workflow, stored))) is None:
        return KeptOutput(identity.key, identity.version, called=workflow.name), None
    hit.tell()
    return KeptOutput(identity.key, identity.version, hit.made_by, workflow.name), hit.content


def _running(
    kind: type[Running],
    context: Any,
    workflow: WorkflowDefinition,
    cache: Cache,
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
) -> Running:
    """Return the computation of a workflow's output."""
    function, args = workflow.function, list(args)
    computation = Computation(cache, function, context["ti"].dag_id, name)
    return kind.of_call(context, computation, args, ContextParameters(function).fill(args, kwargs, context))


def _name_of(spec: WorkflowSpec, called: str | None) -> str:
    """Return the name of a workflow in the keys of its results."""
    return spec.name if called is None else f"{spec.name}.{called}"


def read_output(workflow: WorkflowDefinition, stored: Any) -> Any:
    """Return the template of a kept output.

    Raises:
        DynamicOutputsError: It is not an output of the workflow as it is now.
    """
    template = value_from_json(stored)
    value = templates.resolve(template, _no_value)
    if workflow.out is None:
        check_items(workflow.name, workflow.shape, value)
        check_type_of(value, types_of(workflow.function).get("return", Any))
    return template


def _no_value(reference: Reference) -> Any:
    raise LayoutError(f"a kept output refers to the node {reference.name!r}")


def keep_output(
    context: Any, spec: WorkflowSpec, kept: KeptOutput, output: Any, *, is_complete: bool
) -> None:
    """Store the output of a workflow, or say which run it is from. At most one call to the object store.

    Args:
        context: Airflow's task context, of the task of the result.
        spec: The workflow.
        kept: What the output is kept as.
        output: The output.
        is_complete: Whether no node failed whose value is ``None`` instead.
    """
    if kept.made_by is not None:
        note_origin(context, kept.made_by)
        return
    if not is_complete:
        log.info("The output is not kept, because some of its nodes failed")
        return
    name = _name_of(spec, kept.called)
    identity = Identity(context["ti"].dag_id, name, kept.version, kept.key)
    document = results.document_of(
        identity,
        made_by(context),
        lambda: value_to_json(templates.pack(output, lambda _: None)),
        StoredMetadata(),
    )
    if document is not None:
        results.store(identity, document)


def keep_called(
    context: Any, spec: WorkflowSpec, graph: RunGraph, resolve: Callable[[Any, Plan], tuple[Any, bool]]
) -> None:
    """Store the outputs of the workflows that bodies called, if all their nodes succeeded.

    One call to the object store for each.

    Args:
        context: Airflow's task context, of the task of the result.
        spec: The outermost workflow.
        graph: The nodes of its run.
        resolve: Returns the value of a template of a plan, and whether none of its nodes failed.
    """
    for kept, output, plan in new_outputs(graph):
        try:
            value, is_complete = resolve(output, plan)
        except DynamicOutputsError as error:
            log.warning("The output of %r is not kept: %s", kept.called, error)
            continue
        keep_output(context, spec, kept, value, is_complete=is_complete)


def new_outputs(graph: RunGraph) -> list[tuple[KeptOutput, Any, Plan]]:
    """Return what is to be kept of the workflows that bodies called: how, its template, and its plan."""
    return [
        (kept, output, plan)
        for planner, plan in graph.plans.items()
        for name, kept, output in (
            *(((planner, plan.kept, plan.output),) if planner else ()),
            *((call.name, call.kept, call.output) for call in plan.calls),
        )
        if kept is not None and kept.made_by is None and graph.outcome(name) is Outcome.SUCCESS
    ]
