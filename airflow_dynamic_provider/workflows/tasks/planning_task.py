"""The planning task: runs the body of a workflow once and stores the plan."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.errors import DynamicOutputsError
from airflow_dynamic_provider.workflows.declared.kinds import GUESSED, WorkflowTarget
from airflow_dynamic_provider.workflows.listing.slots import RootPlan, check_listed, store_first_lists
from airflow_dynamic_provider.workflows.plan.dag_files import running
from airflow_dynamic_provider.workflows.plan.plan import (
    POSITIONAL,
    Plan,
    PlannedNode,
    pack_plan,
    split_arguments,
    unpack_plan,
)
from airflow_dynamic_provider.workflows.plan.tree import render_plan
from airflow_dynamic_provider.workflows.planning.planning import plan_later, plan_workflow
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
from airflow_dynamic_provider.workflows.waiting.leaving import failure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dynamic_provider.execution.spaces import KeyPath
    from airflow_dynamic_provider.workflows.declared.definition import WorkflowDefinition
    from airflow_dynamic_provider.workflows.declared.kinds import Kinds, MapTarget
    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
    from airflow_dynamic_provider.workflows.plan.plan import KeptOutput
    from airflow_dynamic_provider.workflows.recording.entries import FindKept

log = logging.getLogger(__name__)


def plan(context: Any, operator: Any) -> dict[str, int]:
    """Plan a workflow, in the process of its planning task, and return a summary.

    Raises:
        AirflowFailException: The plan differs from that of the nodes that have run.
    """
    spec = operator.spec
    assert spec is not None
    positional = {POSITIONAL: list(operator.op_args)} if operator.op_args else {}
    started_at = time.time()
    if guesses := operator.kinds.guesses:
        log.info(GUESSED, operator.workflow.name, guesses)
    with running(operator.task_id, operator.dag_file):
        arguments = {**operator.op_kwargs, **positional}
        found = store_plan(context, _find_or_plan(context, operator, arguments))
    if spec.is_mapped:
        return summary(found)
    roots = [RootPlan(found)]
    try:
        reader = WorkflowReader(context["ti"].dag_id, context["ti"].run_id, spec)
        check_listed(context, spec, reader, roots)
        store_first_lists(context, spec, roots, started_at)
    except DynamicOutputsError as error:
        raise failure(str(error)) from error
    return summary(found)


def _find_or_plan(context: Any, operator: Any, arguments: Mapping[str, Any]) -> Plan:
    """Return the plan of a workflow. A plan that returns an output of an earlier run has no nodes."""
    kept = None
    if operator.workflow.cache is not None:
        # Imported here, because few workflows keep their outputs.
        from airflow_dynamic_provider.workflows.tasks.kept import find_output

        kept, found = find_output(context, operator, operator.workflow.cache)
        if found is not None:
            return found
    planned = plan_workflow(
        operator.workflow,
        arguments,
        kinds=operator.kinds,
        context=context,
        find_kept=_finder(context, operator.spec),
    )
    return planned if kept is None else replace(planned, kept=kept)


def _finder(context: Any, spec: WorkflowSpec) -> FindKept:
    """Return what looks up the output of a cached workflow that a body calls."""

    def find(
        workflow: WorkflowDefinition, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[KeptOutput, Any]:
        # Imported here, because few workflows keep their outputs.
        from airflow_dynamic_provider.workflows.tasks.kept import find_called

        return find_called(context, spec, workflow, args, kwargs)

    return find


def store_plan(context: Any, plan: Plan) -> Plan:
    """Store the plan of a task instance, log it, and return it as other tasks will read it.

    One API call.
    """
    log.info("The plan:\n%s", render_plan(plan))
    packed = pack_plan(plan)
    xcom.push(context, stored.PLAN_XCOM, packed)
    # Some values are deserialized to a related type. The fingerprint is computed from the deserialized
    # values.
    return unpack_plan(xcom.deserialize(xcom.serialize(packed)))


def summary(plan: Plan) -> dict[str, int]:
    """Return kind -> number of nodes: the return value of a planning task, for people to read."""
    counts: dict[str, int] = {}
    for node in plan.nodes:
        counts[node.kind] = counts.get(node.kind, 0) + 1
    return counts


def plan_further(
    context: Any,
    target: WorkflowTarget | MapTarget,
    node: PlannedNode,
    key_path: KeyPath,
    arguments: Mapping[str, Any],
    kinds: Kinds,
    spec: WorkflowSpec,
) -> dict[str, Any]:
    """Plan a workflow or a ``map_task`` whose inputs exist now.

    The names of its nodes begin with the name of the planning node.

    At most four API calls, one for each lane, and one more for each lane whose nodes plan others. The
    returned value contains the fingerprint of the plan, so that a different plan is noticed.

    Args:
        context: Airflow's task context.
        target: What the node calls.
        node: The node.
        key_path: The key that its graph belongs to.
        arguments: Its arguments, resolved.
        kinds: The kinds of the workflow.
        spec: The workflow.

    Raises:
        AirflowFailException: The workflow would have too many nodes.
    """
    # Imported here, because the planning task itself plans the first nodes.
    from airflow_dynamic_provider.workflows.tasks.limits import claim_nodes

    reader = WorkflowReader(context["ti"].dag_id, context["ti"].run_id, spec)
    find, kept, plan = _finder(context, spec), None, None
    if isinstance(target, WorkflowTarget) and target.workflow.cache is not None:
        kept, output = find(target.workflow, *split_arguments(arguments))
        if kept.made_by is not None:
            # Imported here, because few workflows keep their outputs.
            from airflow_dynamic_provider.execution.metadata import note_origin

            plan = Plan(target.workflow.name, output=output)
            note_origin(context, kept.made_by)
    if plan is None:
        plan = plan_later(
            target,
            arguments,
            node.name,
            kinds,
            max_nodes=spec.max_nodes,
            retries=node.retries,
            context=context,
            find_kept=find,
        )
    plan = replace(plan, kept=kept)
    claim_nodes(context, reader, key_path, node, plan)
    plan = store_plan(context, plan)
    return {"plan": plan.fingerprint, "nodes": summary(plan)}
