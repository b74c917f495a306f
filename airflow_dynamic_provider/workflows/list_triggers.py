"""Keeps the lists of nodes in the triggerer, so that no worker is occupied while nodes may be added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.triggers import TaskSuccessEvent, TriggerEvent
from airflow_dynamic_provider.definitions.states import FINAL
from airflow_dynamic_provider.errors import DynamicOutputsError
from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
from airflow_dynamic_provider.workflows.listing.lane_list import Kept, LaneList
from airflow_dynamic_provider.workflows.trigger import WorkflowTrigger
from airflow_dynamic_provider.workflows.waiting.watching import in_turn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.workflows.progress.growth import Snapshot
    from airflow_dynamic_provider.workflows.waiting.watching import Watch


class ListTrigger(WorkflowTrigger):
    """Begins the list of a lane, adds the nodes that are planned later, and ends when no more can be.

    It writes only the XComs of its own task instance, which returns the list.

    Args:
        spec: The packed `WorkflowSpec`.
        lane: The lane.
        waits: The other arguments of `WorkflowTrigger`.
    """

    def __init__(self, spec: Mapping[str, Any], lane: str, **waits: Any) -> None:
        super().__init__(spec, **waits)
        self.lane = lane
        self._has_begun = False

    async def look(self, snapshot: Snapshot, ti: Any, watched: Watch | None = None) -> TriggerEvent | None:
        """Store the nodes that were planned since the last look."""
        own = LaneList(ti, WorkflowSpec.unpack(self.spec), self.lane)
        try:
            kept = await in_turn(self._keep, own, snapshot)
        except DynamicOutputsError as error:
            # The task logs the error and fails; a retry would meet the same error.
            return TriggerEvent(str(error))  # type: ignore[no-untyped-call]
        if kept.has_changed and watched is not None:
            watched.look_soon()
        return None if kept.may_grow else TaskSuccessEvent()

    def _keep(self, own: LaneList, snapshot: Snapshot) -> Kept:
        if not self._has_begun:
            self._has_begun = True
            if own.begin():
                return Kept(may_grow=True, has_changed=True)
        return own.keep(snapshot)

    def _arguments(self) -> dict[str, Any]:
        return {"lane": self.lane}


class ListedTrigger(WorkflowTrigger):
    """Waits until all lists that may grow have begun."""

    async def look(self, snapshot: Snapshot, ti: Any, watched: Watch | None = None) -> TriggerEvent | None:
        """Read the marks of the lists that had not begun before: one API call for each."""
        return TaskSuccessEvent() if await in_turn(have_begun, snapshot) else None


def have_begun(snapshot: Snapshot) -> bool:
    """Whether all lists that may grow have begun, or their tasks have ended."""
    return all(_has_begun(snapshot, lane) for lane in snapshot.reader.spec.growing_lanes)


def _has_begun(snapshot: Snapshot, lane: str) -> bool:
    reader = snapshot.reader
    state = snapshot.states.get((reader.spec.lanes[lane].list_task_id, xcom.UNMAPPED))
    # The state is None if the task is to run again, and not final while it keeps its list.
    return state in FINAL or (state is not None and reader.has_begun(lane))
