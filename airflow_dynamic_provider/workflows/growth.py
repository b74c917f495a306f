"""Makes room for nodes that are planned while the workflow runs.

A node that plans further nodes stores its plan and no more. In each lane that waits, one slot (`stored.ROOM`)
stands in wait. When a plan has nodes for it, the task instance in that slot adds them to the lane's list, and
behind them the next such slot; nothing else writes the list. Then it goes back to the scheduler, which makes
task instances for all that is listed, and ends. When no node can plan any more, the last one ends too. So
every node, however deep, is a task instance of the one Dag run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.workflows.stored import ROOM, Slot

if TYPE_CHECKING:
    from airflow_dynamic_provider.workflows.reading import KeyPath, Snapshot


def is_last_room(slots: list[Slot], index: int) -> bool:
    """Whether a slot is the one from which nodes are added, and not one from which some were."""
    return slots[index].name == ROOM and not any(slot.name == ROOM for slot in slots[index + 1 :])


def is_complete(snapshot: Snapshot) -> bool:
    """Whether all nodes are planned and listed that can be: a lane without room stays as it is."""
    return not snapshot.may_grow and all(
        list_again(snapshot, lane) == snapshot.reader.slots(lane)
        for lane in snapshot.reader.spec.lanes
        if snapshot.can_still_list(lane)
    )


def list_again(snapshot: Snapshot, lane: str) -> list[Slot]:
    """Return what the list of a lane has to be, by the plans that are known now.

    A node keeps its slot. One that is not planned any more leaves a free slot, which is not used again, for
    its task instance may end at any time. New ones are added at the end, with the next slot for room.
    """
    wanted = _wanted(snapshot, lane)
    slots = []
    for slot in snapshot.reader.slots(lane):
        known = wanted.pop((slot.key_path, slot.name or ""), None)
        if known is None and slot.plan and not snapshot.graphs[slot.key_path].may_grow:
            known = Slot(None)
        slots.append(known or slot)
    while wanted and snapshot.is_used(lane, len(slots)):
        # Airflow does not bring a removed task instance back by itself.
        slots.append(Slot(None))
    return [*slots, *wanted.values(), Slot(ROOM)] if wanted else slots


def _wanted(snapshot: Snapshot, lane: str) -> dict[tuple[KeyPath, str], Slot]:
    return {
        (key_path, node.name): Slot(
            node.name, key_path, snapshot.roots[key_path], plan.fingerprint if planner else ""
        )
        for key_path, graph in snapshot.graphs.items()
        for planner, plan in graph.plans.items()
        for node in plan.nodes
        if snapshot.reader.spec.lane_of(node, is_of_root=not planner) == lane
    }
