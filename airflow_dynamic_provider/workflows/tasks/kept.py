"""The output of a whole workflow that is kept over runs.

The planning task looks it up. If it is there, the plan has no nodes, and returns it. Otherwise the task of
the result stores it. The kept form is the template of the output, as in a plan.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.cache import results
from airflow_dynamic_provider.cache.claims import Claim
from airflow_dynamic_provider.cache.entries import value_from_json, value_to_json
from airflow_dynamic_provider.cache.identity import Computation, Identity
from airflow_dynamic_provider.cache.running import Running, made_by
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.execution.batches.parameters import ContextParameters
from airflow_dynamic_provider.execution.layout import StoredMetadata
from airflow_dynamic_provider.execution.metadata import gathered_metadata
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import KeptOutput, Plan

if TYPE_CHECKING:
    from airflow_dynamic_provider.definitions.cache import Cache
    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec

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
    function, spec = operator.workflow.function, operator.spec
    args = list(operator.op_args)
    kwargs = ContextParameters(function).fill(args, operator.op_kwargs, context)
    computation = Computation(cache, function, context["ti"].dag_id, spec.name)
    running = _RunningWorkflow.of_call(context, computation, args, kwargs)
    identity = running.identity
    if (hit := running.find(value_from_json)) is None:
        return KeptOutput(identity.key, identity.version), None
    running.use(hit)
    kept = KeptOutput(identity.key, identity.version, hit.made_by)
    return kept, Plan(operator.workflow.name, output=hit.content, kept=kept)


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
        gathered = gathered_metadata(context)
        gathered.made_by = kept.made_by
        gathered.store(context)
        return
    if not is_complete:
        log.info("The output is not kept, because some of its nodes failed")
        return
    identity = Identity(context["ti"].dag_id, spec.name, kept.version, kept.key)
    document = results.document_of(
        identity,
        made_by(context),
        lambda: value_to_json(templates.pack(output, lambda _: None)),
        StoredMetadata(),
    )
    if document is not None:
        results.store(identity, document)
