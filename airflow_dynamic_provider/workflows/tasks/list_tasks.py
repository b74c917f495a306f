"""What the tasks do that return the lists of nodes, and the one that gathers plans in a map."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.execution.columns.making import make_column
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.helpers import no_retry_after_refusal
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


def list_nodes(context: Any, operator: Any) -> list[Any]:
    """Return the list of a lane, or begin it and wait for later plans, in the process of its task.

    Raises:
        AirflowFailException: The nodes are not listed, or there are more than Airflow may map.
    """
    spec = operator.spec
    assert spec is not None
    own = LaneList(context["ti"], spec, operator.lane)
    with no_retry_after_refusal():
        slots = _keep(context, operator, spec, own) if spec.lanes[operator.lane].grows else own.fetch()
    return [slot.pack() for slot in slots]


def refuse_error(event: Any) -> None:
    """Return if the trigger of a list could not decide. Otherwise it met an error.

    Raises:
        AirflowFailException: A retry would meet the same error.
    """
    if event != stored.DECIDE:
        raise failure(str(event))


def _keep(context: Any, operator: Any, spec: WorkflowSpec, own: LaneList) -> list[Slot]:
    ti = context["ti"]
    own.begin_on_worker(context, _SLOTS_IN_TEST.pop(ti.id, None))
    if not own.keep(Snapshot(_reader(context, spec))).may_grow:
        return own.slots
    if xcom.is_embedded():
        # A trigger that waits would block the test, and each start deletes the XComs stored before.
        _SLOTS_IN_TEST[ti.id] = own.slots
        reschedule(_STEP_OF_TEST)
    trigger = ListTrigger(spec.pack(), operator.lane, least_wait=LEAST_WAIT)
    operator.defer(trigger=trigger, method_name=GO_ON)
    raise AssertionError("defer() returned")


def wait_for_lists(context: Any, operator: Any) -> None:
    """Wait until all lists that may grow have begun, in the process of the task for it.

    Raises:
        AirflowFailException: A plan has a node of a kind that the workflow does not have.
    """
    spec = operator.spec
    assert spec is not None
    with no_retry_after_refusal():
        has_begun = have_begun(Snapshot(_reader(context, spec)))
    if has_begun:
        return
    if xcom.is_embedded():
        reschedule(timedelta())
    operator.defer(trigger=ListedTrigger(spec.pack(), least_wait=LEAST_WAIT), method_name=GO_ON)


#: The slots of the lists that are kept under ``dag.test()``, which runs all tasks in one process.
_SLOTS_IN_TEST: dict[Any, list[Slot]] = {}

#: The pause of a list between two looks under ``dag.test()``.
_STEP_OF_TEST = timedelta(seconds=0.1)


def _reader(context: Any, spec: WorkflowSpec) -> WorkflowReader:
    return WorkflowReader(context["ti"].dag_id, context["ti"].run_id, spec)


def gather_plans(context: Any, spec: WorkflowSpec, clone: CloneSpec) -> None:
    """List the nodes that all clones of a planning task have planned.

    Args:
        context: Airflow's task context.
        spec: The workflow.
        clone: The planning task.

    Raises:
        AirflowSkipException: There are no keys, because the task that produces them was skipped.
        AirflowFailException: There are no keys, because the task that produces them failed; or the plans
            differ from those of the nodes that have run.
    """
    keys_id = clone.space.keys_task_id
    states = xcom.read_states(context, [clone.task_id, keys_id])
    end_as_upstream(keys_id, states.get((keys_id, xcom.UNMAPPED)))
    reader = _reader(context, spec)
    roots = read_mapped_roots(context, reader, clone, states)
    with no_retry_after_refusal():
        check_listed(context, spec, reader, roots)
        store_first_lists(context, spec, roots, time.time())


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
