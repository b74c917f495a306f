"""The tasks that return the lists of nodes, and the task that gathers the plans of a mapped workflow."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.execution.columns.making import make_column
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.helpers import HelperOperator, no_retry_after_refusal
from airflow_dynamic_provider.execution.listing import end_as_upstream
from airflow_dynamic_provider.execution.sources import ResultSource
from airflow_dynamic_provider.workflows.list_triggers import ListedTrigger, ListTrigger, have_begun
from airflow_dynamic_provider.workflows.listing.lane_list import LaneList
from airflow_dynamic_provider.workflows.listing.slots import RootPlan, check_listed, store_first_lists
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.growth import Snapshot
from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
from airflow_dynamic_provider.workflows.waiting.leaving import GO_ON, LEAST_WAIT, failure, reschedule

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
    from airflow_dynamic_provider.workflows.progress.stored import Slot


class NodeListOperator(HelperOperator):
    """Returns the list of a lane's nodes, because Airflow expands only over a task's return value.

    If the lane may grow, the task's trigger keeps the list and ends the task when no more nodes can be added.
    Airflow 3.3 starts such a task directly in the triggerer. Earlier versions start it on a worker.

    Args:
        lane: The lane.
    """

    custom_operator_name = "nodes"

    def __init__(self, *, lane: str, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_success", **kwargs)
        self.lane = lane
        # Written when the group is complete.
        self.spec: WorkflowSpec | None = None

    def execute(self, context: Any) -> Any:
        """Return the list, or begin it and wait for later plans. Airflow calls this in the task's process.

        Raises:
            AirflowFailException: The nodes are not listed, or there are more than Airflow may map.
        """
        spec = self.spec
        assert spec is not None
        own = LaneList(context["ti"], spec, self.lane)
        with no_retry_after_refusal():
            slots = self._keep(context, spec, own) if spec.lanes[self.lane].grows else own.fetch()
        return [slot.pack() for slot in slots]

    def go_on(self, context: Any, event: Any = None) -> Any:
        """Continue if the trigger could not decide, or fail. Airflow calls this in the task's process.

        Raises:
            AirflowFailException: The trigger met an error that a retry would meet too.
        """
        if event != stored.DECIDE:
            raise failure(str(event))
        return self.execute(context)

    def _keep(self, context: Any, spec: WorkflowSpec, own: LaneList) -> list[Slot]:
        ti = context["ti"]
        own.begin_on_worker(context, _SLOTS_IN_TEST.pop(ti.id, None))
        if not own.keep(Snapshot(_reader(context, spec))).may_grow:
            return own.slots
        if xcom.is_embedded():
            # A trigger that waits would block the test, and each start deletes the XComs stored before.
            _SLOTS_IN_TEST[ti.id] = own.slots
            reschedule(_STEP_OF_TEST)
        self.defer(trigger=ListTrigger(spec.pack(), self.lane, least_wait=LEAST_WAIT), method_name=GO_ON)
        raise AssertionError("defer() returned")


class ListedOperator(HelperOperator):
    """Succeeds when all lists that may grow have begun, even if the tasks that keep them have not ended.

    Airflow then expands a lane over its list. With the trigger rule ``one_success``, the lane needs only this
    task or the one that returns the list.
    """

    custom_operator_name = "listed"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_success", **kwargs)
        # Written when the group is complete.
        self.spec: WorkflowSpec | None = None

    def execute(self, context: Any) -> None:
        """Wait for the lists. Airflow calls this in the task's process. In Airflow 3.3, the triggerer waits.

        Raises:
            AirflowFailException: A plan has a node of a kind that the workflow does not have.
        """
        spec = self.spec
        assert spec is not None
        with no_retry_after_refusal():
            has_begun = have_begun(Snapshot(_reader(context, spec)))
        if has_begun:
            return
        if xcom.is_embedded():
            reschedule(timedelta())
        self.defer(trigger=ListedTrigger(spec.pack(), least_wait=LEAST_WAIT), method_name=GO_ON)

    def go_on(self, context: Any, event: Any = None) -> None:
        """Decide after the trigger could not. Airflow calls this in the task's process."""
        self.execute(context)


#: The slots of the lists that are kept under ``dag.test()``, which runs all tasks in one process.
_SLOTS_IN_TEST: dict[Any, list[Slot]] = {}

#: The pause of a list between two looks under ``dag.test()``.
_STEP_OF_TEST = timedelta(seconds=0.1)


def _reader(context: Any, spec: WorkflowSpec) -> WorkflowReader:
    return WorkflowReader(context["ti"].dag_id, context["ti"].run_id, spec)


class GatherPlansOperator(HelperOperator):
    """Lists the nodes that all clones of a planning task have planned.

    It waits until all clones are done. A clone that failed or was skipped has no nodes.

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
            AirflowSkipException: There are no keys, because the task that produces them was skipped.
            AirflowFailException: There are no keys, because the task that produces them failed; or the plans
                differ from those of the nodes that have run.
        """
        keys_id = self.clone.space.keys_task_id
        states = xcom.read_states(context, [self.clone.task_id, keys_id])
        end_as_upstream(keys_id, states.get((keys_id, xcom.UNMAPPED)))
        reader = WorkflowReader(context["ti"].dag_id, context["ti"].run_id, self.spec)
        roots = read_mapped_roots(context, reader, self.clone, states)
        with no_retry_after_refusal():
            check_listed(context, self.spec, reader, roots)
            store_first_lists(context, self.spec, roots, time.time())


def read_mapped_roots(
    context: Any, reader: WorkflowReader, clone: CloneSpec, states: xcom.States
) -> list[RootPlan]:
    """Return the plan of each clone of the planning task that succeeded. One API call for each."""
    listed = Reader(context, states)
    keys = listed.keys(clone.space)
    outcomes = make_column(listed, ResultSource(clone, DEFAULT_OUTPUT)).outcomes(range(len(keys)))
    roots = []
    for position, state in enumerate(outcomes):
        plan = reader.plan(clone.task_id, position) if state == SUCCESS else None
        if plan is not None:
            roots.append(RootPlan(plan, keys[position], position))
    return roots
