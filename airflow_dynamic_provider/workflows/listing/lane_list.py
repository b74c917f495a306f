"""The list of one lane. The task that returns it keeps it, in its own process or in its trigger."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import Record, replace
from airflow_dynamic_provider.definitions.states import FINAL, SUCCESS
from airflow_dynamic_provider.errors import PlanMismatchError
from airflow_dynamic_provider.execution.layout import RETURN_VALUE
from airflow_dynamic_provider.execution.lengths import check_length
from airflow_dynamic_provider.workflows.listing.slots import packed_pages, relist
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.growth import Snapshot, list_again
from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
from airflow_dynamic_provider.workflows.progress.stored import (
    RESERVED,
    NodePage,
    Slot,
    StoredNode,
    unpack_slots,
)
from airflow_dynamic_provider.workflows.waiting.deadline import made_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec

log = logging.getLogger(__name__)


class Kept(Record):
    """The result of one look at a list.

    Attributes:
        may_grow: Whether nodes can still be added.
        has_changed: Whether the list differs from the one in the snapshot.
    """

    may_grow: bool
    has_changed: bool = False


class LaneList:
    """Stores the list of a lane as XComs of the task instance that returns it. Nothing else writes them.

    Args:
        ti: That task instance, or the trigger's copy of it.
        spec: The workflow.
        lane: The lane.
    """

    def __init__(self, ti: Any, spec: WorkflowSpec, lane: str) -> None:
        self._ti = ti
        self._spec = spec
        self._lane = lane
        self._reader = WorkflowReader(ti.dag_id, ti.run_id, spec)

    @property
    def slots(self) -> list[Slot]:
        """The slots that are stored now. One API call."""
        return unpack_slots(self._reader.pull(self._ti.task_id, RETURN_VALUE))

    def fetch(self) -> list[Slot]:
        """Store the nodes of a list that does not grow, and return its slots without storing them.

        Two API calls for each 64 nodes, and two more.

        Raises:
            PlanMismatchError: The nodes are not listed, because another release planned them.
        """
        self._reader.stored_roots()
        return self._fetch_first()

    def begin(self) -> bool:
        """Store the first list, unless the stored one was begun for the same graphs.

        A stored list may have slots for nodes that were added later. These nodes keep their task instances.
        Two API calls for each 64 nodes, and at most five more.

        Returns:
            Whether this call stored the list.

        Raises:
            PlanMismatchError: The nodes are not listed, because another release planned them.
        """
        if self._reader.has_begun(self._lane):
            return False
        self._store_slots(self._fetch_first())
        self._store_mark()
        return True

    def begin_on_worker(self, context: Any, known: Sequence[Slot] | None) -> None:
        """Begin the list in a worker process, whose start has deleted the stored list.

        Airflow deletes the XComs of a task instance when it starts on a worker, but not when it starts in the
        triggerer. The slots of nodes that were added later are restored from the XComs of these nodes.

        Args:
            context: Airflow's task context.
            known: The slots, if they are known.
        """
        if self._reader.has_begun(self._lane):
            return
        slots = self._slots_of_before(context) if known is None else known
        if not slots:
            self.begin()
            return
        self._reader.remember_slots(self._lane, slots)
        nodes = relist(Snapshot(self._reader), slots).nodes
        self._store(nodes, slots, self._page(self._spec.listing_task_id, self._first_nodes(0)).planned_at)
        self._store_mark()

    def keep(self, snapshot: Snapshot) -> Kept:
        """Add the nodes that were planned since the last look.

        No API call if nothing was planned. Otherwise one for each 64 nodes from the first new one, and three
        more.

        Raises:
            PlanMismatchError: The list did not exist when nodes were first planned.
            TooManyOutputsError: The lane has more nodes than Airflow may map.
        """
        seen = snapshot.reader.slots(self._lane)
        wanted = list_again(snapshot, self._lane, seen)
        if wanted == seen:
            return Kept(may_grow=snapshot.may_grow)
        if self.slots != seen:
            # The snapshot is older than the stored list: the next look decides.
            return Kept(may_grow=True, has_changed=True)
        self._replace(snapshot, seen, wanted)
        return Kept(may_grow=snapshot.may_grow, has_changed=True)

    def _replace(self, snapshot: Snapshot, slots: Sequence[Slot], wanted: Sequence[Slot]) -> None:
        if not slots:
            # A list that may grow has reserved slots from the start.
            raise PlanMismatchError(
                f"now plans {wanted[0].name!r}, but the run began without a task for it: the Dag has changed",
                task_id=self._spec.plan_task_id,
                remedy=f"Clear {self._spec.plan_task_id!r} with its downstream tasks.",
            )
        check_length(len(wanted), self._spec.lanes[self._lane].task_id, "nodes")
        changed = [at for at, slot in enumerate(slots) if slot != wanted[at]]
        nodes = relist(snapshot, wanted).nodes
        planned_at = self._page(self._ti.task_id, stored.nodes_xcom(0)).planned_at
        # Clearing a node that plans others clears this list too, so the time of its nodes counts from then.
        counts_from = max(planned_at, made_at(self._ti.id))
        self._store(nodes, wanted, counts_from, min([*changed, len(slots)]))
        log.info("Added %d slots to the %d of %s", len(wanted) - len(slots), len(slots), self._lane)

    def _fetch_first(self) -> list[Slot]:
        slots = self._reader.first_slots(self._lane)
        for page in range(-(-len(slots) // stored.NODES_PER_PAGE)):
            nodes = self._reader.pull(self._spec.listing_task_id, self._first_nodes(page))
            xcom.push_early(self._ti, stored.nodes_xcom(page), nodes)
        return slots

    def _store(self, nodes: Sequence[Any], slots: Sequence[Slot], planned_at: float, first: int = 0) -> None:
        for page, packed in packed_pages(nodes, planned_at, first):
            xcom.push_early(self._ti, stored.nodes_xcom(page), packed)
        self._store_slots(slots)

    def _store_slots(self, slots: Iterable[Slot]) -> None:
        # Stored after the pages: Airflow makes task instances for these slots, and they read their page.
        packed = [slot.pack() for slot in slots]
        xcom.push_early(self._ti, RETURN_VALUE, packed, mapped_length=len(packed))

    def _store_mark(self) -> None:
        # Stored last, so that a reader that finds it finds everything.
        mark = stored.pack_list_mark(self._reader.list_mark(self._lane))
        xcom.push_early(self._ti, stored.LIST_XCOM, mark)

    def _first_nodes(self, page: int) -> str:
        return stored.first_nodes_xcom(self._lane, page)

    def _page(self, task_id: str, xcom_key: str) -> NodePage:
        return stored.unpack_nodes(self._reader.pull(task_id, xcom_key))

    def _slots_of_before(self, context: Any) -> list[Slot]:
        """Return the slots of the first list and those after it; nothing if no slot after it was used.

        Nodes that succeeded keep their slots. The other slots after the planned nodes become free, except the
        last one that has not ended: it becomes a reserved slot for later plans.
        """
        task_id = self._spec.lanes[self._lane].task_id
        states = {index: state for (each, index), state in self._reader.states().items() if each == task_id}
        first = self._reader.first_slots(self._lane)
        planned = [slot for slot in first if slot.name != RESERVED]
        left = {
            node.map_index: Slot(node.name, node.key_path)
            for node in map(StoredNode.unpack, xcom.pull_all(context, task_id, stored.NODE_XCOM))
            if states.get(node.map_index) == SUCCESS and node.map_index >= len(planned)
        }
        behind = range(len(planned), max(states, default=-1) + 1)
        if len(planned) == len(first) or not (left or len(first) in behind):
            return []
        waiting = [index for index in behind if states.get(index) not in FINAL]
        slots = [*planned, *(left.get(index, Slot(None)) for index in behind)]
        if waiting:
            slots[waiting[-1]] = Slot(RESERVED)
        roots = self._reader.roots()
        return [replace(slot, root_index=roots.get(slot.key_path, slot.root_index)) for slot in slots]
