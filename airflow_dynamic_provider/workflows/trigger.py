"""Waits, in the triggerer, until a node may go on: no worker is held meanwhile."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

from airflow_dynamic_provider.errors import PlanMismatchError
from airflow_dynamic_provider.execution.clones import RESCHEDULE_AFTER
from airflow_dynamic_provider.workflows import stored
from airflow_dynamic_provider.workflows.growth import is_last_room, list_again
from airflow_dynamic_provider.workflows.reading import Place, Snapshot
from airflow_dynamic_provider.workflows.run_graph import Verdict
from airflow_dynamic_provider.workflows.spec import WorkflowSpec
from airflow_dynamic_provider.workflows.watching import watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from airflow_dynamic_provider.workflows.stored import Slot

_GO = TriggerEvent("go")  # type: ignore[no-untyped-call]
_DECIDE = TriggerEvent(stored.DECIDE)  # type: ignore[no-untyped-call]


class NodeTrigger(BaseTrigger):
    """Waits until the nodes that a node depends on have succeeded, or one of them cannot any more.

    A node that is blocked ends as skipped without a worker, and says why in the XCom ``workflow_blocked``.

    Args:
        spec: The packed `WorkflowSpec`.
        lane: The node's lane.
        least_wait: For how many seconds it does not fire in any case. Airflow takes a task instance for
            killed that is back before its worker's own end was noticed (apache/airflow#71580).
        not_before: What stood in its place, as the worker's time: with 0 there was nothing to wait for.
    """

    def __init__(
        self, spec: Mapping[str, Any], lane: str, not_before: float = 0.0, least_wait: float = 0.0
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.spec = spec
        self.lane = lane
        self.least_wait = RESCHEDULE_AFTER.total_seconds() if not_before else least_wait

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, as Airflow stores them."""
        arguments = {"spec": dict(self.spec), "lane": self.lane, "least_wait": self.least_wait}
        return f"{__name__}.NodeTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event that ends the waiting. Airflow calls this in the triggerer."""
        # By the clock of the triggerer alone: the worker's may be another one.
        fires_from = time.monotonic() + self.least_wait
        ti: Any = self.task_instance
        spec = WorkflowSpec.unpack(self.spec)
        async with watch(ti.dag_id, ti.run_id, spec) as watched:
            seen, event = 0, None
            while event is None:
                try:
                    seen, snapshot = await watched.next(seen)
                except PlanMismatchError:
                    # The Dag was changed meanwhile: a worker knows the workflow as it is now.
                    event = _DECIDE
                else:
                    event = self._event(snapshot, ti.map_index)
        await asyncio.sleep(max(0.0, fires_from - time.monotonic()))
        yield event

    def _event(self, snapshot: Snapshot, map_index: int) -> TriggerEvent | None:
        slots = snapshot.reader.slots(self.lane)
        slot = slots[map_index] if map_index < len(slots) else None
        if slot is None:
            return TaskSkippedEvent() if snapshot.is_complete else None
        if not slot.name:
            return self._room_event(snapshot, slots, map_index)
        place = Place(self.lane, map_index, slot)
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

    def _room_event(self, snapshot: Snapshot, slots: list[Slot], index: int) -> TriggerEvent | None:
        if slots[index].name is None:
            return TaskSkippedEvent()
        if not is_last_room(slots, index) or snapshot.is_complete:
            return TaskSuccessEvent()
        return None if list_again(snapshot, self.lane) == slots else _GO
