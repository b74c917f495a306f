"""Waits, in the triggerer, until a node may go on: no worker is held meanwhile."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

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


class NodeTrigger(BaseTrigger):
    """Waits until the nodes that a node depends on have succeeded, or one of them cannot any more.

    A node that is blocked ends as skipped without a worker, and says why in the XCom ``workflow_blocked``.

    Args:
        spec: The packed `WorkflowSpec`.
        lane: The node's lane.
        not_before: Seconds since the epoch before which it does not fire. Airflow takes a task instance for
            killed that is back before its worker's own end was noticed (apache/airflow#71580).
        later: What only a worker of a later release gives, and an older triggerer ignores.
    """

    def __init__(
        self,
        spec: Mapping[str, Any],
        lane: str,
        not_before: float = 0.0,
        **later: Any,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.spec = spec
        self.lane = lane
        self.not_before = not_before

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, as Airflow stores them."""
        arguments = {"spec": dict(self.spec), "lane": self.lane, "not_before": self.not_before}
        return f"{__name__}.NodeTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield the one event that ends the waiting. Airflow calls this in the triggerer."""
        ti: Any = self.task_instance
        spec = WorkflowSpec.unpack(self.spec)
        async with watch(ti.dag_id, ti.run_id, spec) as watched:
            seen, event = 0, None
            while event is None:
                seen, snapshot = await watched.next(seen)
                event = self._event(snapshot, ti.map_index)
        await asyncio.sleep(max(0.0, self.not_before - time.time()))
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
