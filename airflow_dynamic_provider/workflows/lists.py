"""The task that holds the list of a lane's nodes, and that of a mapped workflow that writes the lists."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator

from airflow_dynamic_provider.execution.helpers import HELPER_ARGUMENTS
from airflow_dynamic_provider.workflows.listing import RootPlan, first_lists, store_list
from airflow_dynamic_provider.workflows.reading import WorkflowReader

if TYPE_CHECKING:
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
        super().__init__(**HELPER_ARGUMENTS, **kwargs)
        self.lane = lane
        # Written when the group is complete.
        self.spec: WorkflowSpec | None = None

    def execute(self, context: Any) -> Any:
        """List the nodes. Only ``dag.test()`` calls this."""
        spec = self.spec
        assert spec is not None
        reader = WorkflowReader(context["ti"].dag_id, context["ti"].run_id, spec)
        roots = read_roots(context, reader)
        listed = first_lists(spec, roots)[self.lane]
        store_list(context, spec, self.lane, listed, time.time())
        return [slot.pack() for slot in listed.slots]


def read_roots(context: Any, reader: WorkflowReader) -> list[RootPlan]:
    """Return what the planning task has planned, for each key if it is mapped."""
    plan = reader.plan(reader.spec.plan_task_id, -1)
    return [] if plan is None else [RootPlan(plan)]
