"""Waits in the triggerer until a node may run, so that no worker is occupied."""

from __future__ import annotations

import abc
import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.triggers import (
    BaseTrigger,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)
from airflow_dynamic_provider.errors import PlanMismatchError
from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.growth import Reserved, Snapshot, decide_reserved
from airflow_dynamic_provider.workflows.progress.reader import Place
from airflow_dynamic_provider.workflows.progress.run_graph import Verdict
from airflow_dynamic_provider.workflows.waiting.leaving import LEAST_WAIT
from airflow_dynamic_provider.workflows.waiting.watching import watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from airflow_dynamic_provider.workflows.waiting.watching import Watch

_GO = TriggerEvent("go")  # type: ignore[no-untyped-call]
_DECIDE = TriggerEvent(stored.DECIDE)  # type: ignore[no-untyped-call]


class WorkflowTrigger(BaseTrigger):
    """Looks at a workflow repeatedly until a look returns the event that ends the wait.

    Args:
        spec: The packed `WorkflowSpec`.
        least_wait: How many seconds it waits at least. If a task instance starts again before Airflow has
            noticed that its worker ended, Airflow treats it as killed (apache/airflow#71580).
        not_before: What an earlier release passed instead of ``least_wait``: the time on the worker's
            clock; 0 for no wait.
        later: Arguments that only a later release passes; ignored.
    """

    def __init__(
        self, spec: Mapping[str, Any], least_wait: float = 0.0, not_before: float = 0.0, **later: Any
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.spec = spec
        self.least_wait = LEAST_WAIT if not_before else least_wait

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, as Airflow stores them."""
        name = f"{type(self).__module__}.{type(self).__name__}"
        return name, {"spec": dict(self.spec), "least_wait": self.least_wait, **self._arguments()}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event that ends the wait. Airflow calls this in the triggerer."""
        # Only the triggerer's clock counts: the worker's clock may differ.
        started_at = time.monotonic()
        fires_from = started_at + self.least_wait
        ti: Any = self.task_instance
        async with watch(ti.dag_id, ti.run_id, WorkflowSpec.unpack(self.spec)) as watched:
            seen, event = 0, None
            while event is None:
                try:
                    seen, snapshot = await watched.next(seen, started_at)
                except PlanMismatchError:
                    # The Dag has changed since: a worker knows the current workflow.
                    event = _DECIDE
                else:
                    event = await self.look(snapshot, ti, watched)
        await asyncio.sleep(max(0.0, fires_from - time.monotonic()))
        yield event

    @abc.abstractmethod
    async def look(self, snapshot: Snapshot, ti: Any, watched: Watch | None = None) -> TriggerEvent | None:
        """Return the event that ends the wait, or ``None`` to keep waiting.

        Args:
            snapshot: The workflow as it is now.
            ti: The task instance that waits.
            watched: The watch, to ask it to look again soon.
        """

    def _arguments(self) -> dict[str, Any]:
        """Return the other arguments of the trigger."""
        return {}


class NodeTrigger(WorkflowTrigger):
    """Waits until the nodes that a node depends on have succeeded, or one of them no longer can.

    A blocked node is skipped without a worker. Its XCom ``workflow_blocked`` says why.

    Args:
        spec: The packed `WorkflowSpec`.
        lane: The node's lane.
        waits: The other arguments of `WorkflowTrigger`.
    """

    def __init__(self, spec: Mapping[str, Any], lane: str, **waits: Any) -> None:
        super().__init__(spec, **waits)
        self.lane = lane

    async def look(self, snapshot: Snapshot, ti: Any, watched: Watch | None = None) -> TriggerEvent | None:
        """Return what the task instance has to do, with or without a node in its slot. No API call."""
        slots = snapshot.reader.slots(self.lane)
        slot = slots[ti.map_index] if ti.map_index < len(slots) else None
        if slot is None:
            return TaskSkippedEvent() if snapshot.is_complete else None
        if slot.name is None:
            return TaskSkippedEvent()
        if not slot.name:
            return _reserved_event(decide_reserved(snapshot, self.lane, ti.map_index))
        place = Place(self.lane, ti.map_index, slot)
        if not snapshot.is_current(place) and snapshot.can_still_list(self.lane):
            return None
        decision = snapshot.graphs[slot.key_path].decide(slot.name)
        if decision.verdict is Verdict.WAIT:
            return None
        if decision.verdict is Verdict.BLOCKED:
            return TaskSkippedEvent(
                xcoms={stored.BLOCKED_XCOM: stored.pack_blocked(slot.name, decision.reason)}
            )
        return _GO

    def _arguments(self) -> dict[str, Any]:
        return {"lane": self.lane}


def _reserved_event(step: Reserved) -> TriggerEvent | None:
    # The slot may have a node by the time the task instance starts, so a worker decides from the list then.
    return {Reserved.ASK: _DECIDE, Reserved.END: TaskSuccessEvent(), Reserved.WAIT: None}[step]
