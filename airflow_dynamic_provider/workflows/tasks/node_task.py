"""What the task of a node does: it finds the node of its task instance, and runs what the body called."""

from __future__ import annotations

import logging
import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.labels import set_label
from airflow_dynamic_provider.definitions.keys import render_label
from airflow_dynamic_provider.definitions.states import RESCHEDULE_AFTER
from airflow_dynamic_provider.errors import PlanMismatchError, UnstorableOutputError
from airflow_dynamic_provider.execution.layout import METADATA_XCOM, RETURN_VALUE
from airflow_dynamic_provider.workflows.declared.kinds import TaskTarget
from airflow_dynamic_provider.workflows.plan.dag_files import running
from airflow_dynamic_provider.workflows.plan.plan import pack_node
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.growth import Reserved, Snapshot, decide_reserved
from airflow_dynamic_provider.workflows.progress.reader import Place, WorkflowReader
from airflow_dynamic_provider.workflows.progress.run_graph import Verdict
from airflow_dynamic_provider.workflows.progress.stored import ListedNode, NodePage, StoredNode
from airflow_dynamic_provider.workflows.tasks.called import Resume, run_node
from airflow_dynamic_provider.workflows.tasks.values import Values, stamp_of
from airflow_dynamic_provider.workflows.waiting.deadline import refuse_late, time_limit
from airflow_dynamic_provider.workflows.waiting.leaving import GO_ON, LEAST_WAIT, failure, reschedule, skip

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec

#: The key of the page with the running node in Airflow's task context.
_PAGE_KEY = "dynamic_nodes"

# The method name that Airflow uses when a trigger has failed or timed out.
_TRIGGER_FAILED = "__fail__"

#: How long a node under ``dag.test()`` is rescheduled for, per node in the longest chain that it waits for.
_STEP_OF_TEST = timedelta(seconds=0.3)

log = logging.getLogger(__name__)


class NodeRun:
    """One run of a node's operator in its process.

    Args:
        operator: The operator.
    """

    def __init__(self, operator: Any) -> None:
        self.operator = operator
        self.spec = operator.spec
        self.lane = operator.lane

    def shown(self, context: MutableMapping[str, Any]) -> Any:
        """Return the planned node, for people to read. One API call, the first time."""
        listed = self.start(context)
        return None if listed is None else pack_node(listed.node)

    def start(self, context: MutableMapping[str, Any]) -> ListedNode | None:
        """Return the node of this task instance, and set the label. One API call, the first time."""
        page, index = self._page(context), xcom.map_index_of(context)
        at = index % stored.NODES_PER_PAGE
        listed = page.nodes[at] if at < len(page.nodes) else None
        # Without a node, the label is the map index, which Airflow shows for task instances that have not
        # run. A node that gets this slot later may be blocked, and then nothing could change the label.
        names = (*listed.plan_address.key_path, listed.node.name) if listed is not None else (str(index),)
        set_label(context, render_label(names))
        return listed

    def execute(self, context: Any) -> Any:
        """Run the node if it is ready, or wait."""
        if self.spec.lanes[self.lane].is_direct and not self._must_stop(context):
            return self._run(context)
        return self._run_or_wait(context)

    def _run_or_wait(self, context: Any) -> Any:
        try:
            snapshot = Snapshot(_reader(context, self.spec))
        except PlanMismatchError as error:
            # A retry would meet the same error.
            raise failure(str(error)) from error
        slots, index = snapshot.reader.slots(self.lane), xcom.map_index_of(context)
        if index >= len(slots) or not slots[index].name:
            return self._wait_in_reserved(context, snapshot)
        place = Place(self.lane, index, slots[index])
        is_older = not snapshot.is_current(place) and snapshot.can_still_list(self.lane)
        if is_older or not self._has_started(context, str(place.slot.name)):
            self._wait(context, 1)
        graph = snapshot.graphs[place.slot.key_path]
        decision = graph.decide(str(place.slot.name))
        if decision.verdict is Verdict.WAIT:
            self._wait(context, graph.depth(str(place.slot.name)))
        if decision.verdict is Verdict.BLOCKED:
            blocked = stored.pack_blocked(str(place.slot.name), decision.reason)
            xcom.push(context, stored.BLOCKED_XCOM, blocked)
            raise skip(f"Not run: {decision.reason}.")
        return self._run(context)

    def _has_started(self, context: Any, name: str) -> bool:
        """Whether the stored node is the one in the list. At most one API call."""
        listed = self.start(context)
        if listed is None or listed.node.name != name:
            # The slot has received a node since, and the page that was read is older than the list.
            context.pop(_PAGE_KEY, None)
            listed = self.start(context)
        return listed is not None and listed.node.name == name

    def go_on(self, context: Any, event: Any = None) -> Any:
        """Run the node after the wait in the triggerer."""
        self._forget_earlier_tries(context)
        if event == stored.DECIDE:
            return self._run_or_wait(context)
        if self.start(context) is None:
            # This is how an earlier release asks for task instances for the listed nodes.
            return self._run_or_wait(context)
        return self._run(context)

    def _forget_earlier_tries(self, context: Any) -> None:
        """Delete the XComs of an earlier try. Airflow does so only for a try that starts on a worker."""
        if xcom.attempt_of(context) > 1:
            for xcom_key in (RETURN_VALUE, METADATA_XCOM, stored.NODE_XCOM, stored.BLOCKED_XCOM):
                xcom.delete(context, xcom_key)

    def is_wait_of_operator(self, next_method: str, context: Any) -> bool:
        """Return whether the operator that the node runs has waited, and not this package.

        Raises:
            AirflowFailException: The package has waited, and the workflow's time is over.
        """
        if next_method not in (GO_ON, _TRIGGER_FAILED) and self.start(context) is not None:
            return True
        refuse_late(context, self.spec, self._page(context).planned_at)
        return False

    def resume(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Any) -> Any:
        """Continue the operator that the node runs, after it has waited."""
        return self._run(context, Resume(next_method, next_kwargs))

    def _must_stop(self, context: Any) -> bool:
        """Whether this node may have to stop because another node failed. At most one API call."""
        return self.spec.failure_policy == "fail_fast" and xcom.has_failed(context, self.spec.node_task_ids)

    def _run(self, context: Any, resume: Resume | None = None) -> Any:
        listed = self.start(context)
        assert listed is not None
        key_path, node = listed.plan_address.key_path, listed.node
        refuse_late(context, self.spec, self._page(context).planned_at)
        values = Values(_reader(context, self.spec), self.operator.kinds, key_path)
        with running(self.operator.task_id, self.operator.dag_file):
            arguments = values.arguments(listed)
            with time_limit(context, self.spec, self._page(context).planned_at, self.operator.time_limit):
                value = run_node(context, self.operator, listed, arguments, resume)
        if isinstance(self.operator.kind.target, TaskTarget):
            self._check_unchanged(value)
        left = StoredNode(
            node.name,
            key_path,
            xcom.map_index_of(context),
            node.fingerprint,
            stamp_of(value),
            values.used,
            value if self.operator.do_xcom_push else None,
        ).pack()
        xcom.check_serializable(left)
        xcom.push(context, stored.NODE_XCOM, left)
        return value

    def _check_unchanged(self, value: Any) -> None:
        """Refuse a value of an author's function that would come back as something else."""
        try:
            xcom.check_storable(value)
        except UnstorableOutputError as error:
            raise error.about(task_id=self.operator.task_id) from error.__cause__

    def _wait_in_reserved(self, context: Any, snapshot: Snapshot) -> None:
        """Make the scheduler create task instances for the nodes listed after this slot."""
        slots, index = snapshot.reader.slots(self.lane), xcom.map_index_of(context)
        if index >= len(slots) and snapshot.can_still_list(self.lane):
            # The task that keeps the list has started again, but has not stored the list yet.
            self._wait(context, 1)
        if index >= len(slots) or slots[index].name is None:
            raise skip("There is no longer a node for this task instance.")
        step = decide_reserved(snapshot, self.lane, index)
        if step is Reserved.WAIT:
            self._wait(context, 1)
        if step is Reserved.ASK:
            log.info("Returning to the scheduler, which makes the task instances for the listed nodes")
            reschedule(
                timedelta() if xcom.is_embedded() or self.operator.start_from_trigger else RESCHEDULE_AFTER
            )

    def _wait(self, context: Any, depth: int) -> NoReturn:
        if xcom.is_embedded():
            # Under ``dag.test()``, triggers run inside the test's own loop. A waiting trigger would block it.
            reschedule(_STEP_OF_TEST * (depth - 1))
        from airflow_dynamic_provider.workflows.trigger import NodeTrigger

        self.operator.defer(
            trigger=NodeTrigger(self.spec.pack(), self.lane, least_wait=LEAST_WAIT),
            method_name=GO_ON,
            timeout=None if self.spec.timeout is None else timedelta(seconds=self.spec.timeout),
        )
        raise AssertionError("defer() returned")

    def _page(self, context: MutableMapping[str, Any]) -> NodePage:
        page: NodePage | None = context.get(_PAGE_KEY)
        if page is None:
            number = xcom.map_index_of(context) // stored.NODES_PER_PAGE
            task_id = self.spec.lanes[self.lane].list_task_id
            packed = xcom.pull(context, task_id, stored.nodes_xcom(number))
            if packed is None:
                # Airflow deletes the list when the task that keeps it starts again on a worker.
                return NodePage([], math.inf)
            page = context[_PAGE_KEY] = stored.unpack_nodes(packed)
        return page


def _reader(context: Any, spec: WorkflowSpec) -> WorkflowReader:
    return WorkflowReader(context["ti"].dag_id, context["ti"].run_id, spec)
