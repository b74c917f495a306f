"""The tasks that hold the list of a lane's nodes, and that write the lists of a mapped workflow."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator

from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.execution import xcom
from airflow_dynamic_provider.execution.columns import Reader
from airflow_dynamic_provider.execution.helpers import (
    HELPER_ARGUMENTS,
    HelperOperator,
    no_retry_after_refusal,
)
from airflow_dynamic_provider.execution.listing import end_as_upstream
from airflow_dynamic_provider.execution.sources import ResultSource
from airflow_dynamic_provider.execution.states import SUCCESS
from airflow_dynamic_provider.workflows.listing import (
    RootPlan,
    first_lists,
    is_listed_already,
    store_list,
)
from airflow_dynamic_provider.workflows.reading import WorkflowReader

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.workflows.spec import WorkflowSpec


class NodeListOperator(EmptyOperator):
    """Holds the list of a lane's nodes, for Airflow expands only over a task's return value.

    The scheduler ends an empty operator without running it, so it costs no worker and what was written into
    its XCom stays. ``dag.test()`` does run it, and then it lists the nodes itself.

    Args:
        lane: The lane.
    """

    custom_operator_name = "nodes"

    def __init__(self, *, lane: str, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_success", **HELPER_ARGUMENTS, **kwargs)
        self.lane = lane
        # Written when the group is complete.
        self.spec: WorkflowSpec | None = None
        # The planning task, if it is cloned for keys.
        self.clone: CloneSpec | None = None

    def execute(self, context: Any) -> Any:
        """List the nodes. Only ``dag.test()`` calls this."""
        spec = self.spec
        assert spec is not None
        reader = WorkflowReader(context["ti"].dag_id, context["ti"].run_id, spec)
        listed = first_lists(spec, self._roots(context, reader))[self.lane]
        store_list(context, spec, self.lane, listed, time.time())
        return [slot.pack() for slot in listed.slots]

    def _roots(self, context: Any, reader: WorkflowReader) -> list[RootPlan]:
        if self.clone is not None:
            states = xcom.read_states(context, [self.clone.task_id])
            return read_mapped_roots(context, reader, self.clone, states)
        plan = reader.plan(reader.spec.plan_task_id, xcom.UNMAPPED)
        return [] if plan is None else [RootPlan(plan)]


class GatherPlansOperator(HelperOperator):
    """Lists the nodes that all clones of a planning task have planned.

    It waits for all of them to be done. A clone that failed or was skipped has no nodes.

    Args:
        spec: The workflow.
        clone: The planning task.
    """

    custom_operator_name = "gather"

    def __init__(self, *, spec: WorkflowSpec, clone: CloneSpec, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **kwargs)
        self.spec = spec
        self.clone = clone

    def execute(self, context: Any) -> None:
        """List the nodes. Airflow calls this in the task's process.

        Raises:
            AirflowSkipException: The keys were not listed, because what produces them was skipped.
            AirflowFailException: There are no keys because what produces them failed, or the plans are not
                those of the nodes that have run.
        """
        keys_id = self.clone.space.keys_task_id
        states = xcom.read_states(context, [self.clone.task_id, keys_id])
        end_as_upstream(keys_id, states.get((keys_id, xcom.UNMAPPED)))
        reader = WorkflowReader(context["ti"].dag_id, context["ti"].run_id, self.spec)
        roots = read_mapped_roots(context, reader, self.clone, states)
        with no_retry_after_refusal():
            if is_listed_already(context, self.spec, reader, roots):
                return
        for lane, listed in first_lists(self.spec, roots).items():
            store_list(context, self.spec, lane, listed, time.time())


def read_mapped_roots(
    context: Any, reader: WorkflowReader, clone: CloneSpec, states: xcom.States
) -> list[RootPlan]:
    """Return what each clone of the planning task has planned that succeeded. One API call for each."""
    columns = Reader(context, states)
    keys = columns.keys(clone.space)
    outcomes = columns.column(ResultSource(clone, DEFAULT_OUTPUT)).outcomes(range(len(keys)))
    roots = []
    for position, state in enumerate(outcomes):
        plan = reader.plan(clone.task_id, position) if state == SUCCESS else None
        if plan is not None:
            roots.append(RootPlan(plan, keys[position], position))
    return roots
