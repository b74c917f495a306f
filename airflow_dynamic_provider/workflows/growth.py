"""Decides which nodes that were planned while the workflow runs are added to the lists, and where.

A node that plans further nodes stores its plan and no more. Each lane that may grow has two kinds of task
instances that wait for such plans, in the triggerer:

- the task that returns the lane's list. When a plan has nodes for it, its trigger adds them to the list, with
  the new length. Nothing else writes the list.
- the lane's task instances in *rooms*: slots without a node (`stored.ROOM`) at the end of the list. Such a
  slot takes a new node, and its task instance, which is there already, goes on as that node. The last one
  stays a room: when slots are listed behind it that have no task instances, it starts, and goes back to the
  scheduler, which looks at the list's length whenever a task instance of a mapped task can start: so it makes
  task instances for all that is listed.

A level that adds one node to a lane so begins at once, and the scheduler makes the next room meanwhile. When no
node can plan any more, all of these end. So every node, however deep, is a task instance of the one Dag run,
and each task instance writes its own XComs only.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from airflow_dynamic_provider.execution.states import FINAL
from airflow_dynamic_provider.workflows.stored import ROOM, Slot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dynamic_provider.workflows.reading import KeyPath, Snapshot

#: How many rooms a list has that may grow: one for the next node, and one that asks for more meanwhile.
ROOMS = 2


class Room(Enum):
    """What the task instance in a slot without a node has to do."""

    WAIT = "wait"
    ASK = "ask the scheduler for task instances"
    END = "end"


def decide_room(snapshot: Snapshot, lane: str, index: int) -> Room:
    """Say what the task instance in a slot without a node has to do."""
    slots = snapshot.reader.slots(lane)
    if all(snapshot.is_used(lane, each) for each in range(index + 1, len(slots))):
        return Room.END if snapshot.is_complete else Room.WAIT
    # One that asks is enough.
    return Room.WAIT if any(each > index for each in _rooms(snapshot, lane, slots)) else Room.ASK


def is_complete(snapshot: Snapshot) -> bool:
    """Whether all nodes are planned and listed that can be: a lane that cannot grow stays as it is."""
    reader = snapshot.reader
    return not snapshot.may_grow and all(
        list_again(snapshot, lane, reader.slots(lane)) == reader.slots(lane)
        for lane in reader.spec.growing_lanes
        if snapshot.can_still_list(lane)
    )


def list_again(snapshot: Snapshot, lane: str, present: Sequence[Slot]) -> list[Slot]:
    """Return what the list of a lane has to be, by the plans that are known now.

    A node keeps its slot. One that is not planned any more leaves a free slot, which is not used again, for
    its task instance may end at any time. New ones take the rooms but the last, and the others are added at
    the end, with the rooms that are missing.
    """
    wanted = _wanted(snapshot, lane)
    slots = []
    for slot in present:
        known = wanted.pop((slot.key_path, slot.name or ""), None)
        graph = snapshot.graphs.get(slot.key_path)
        if known is None and slot.plan and not (graph is not None and graph.may_grow):
            known = Slot(None)
        slots.append(known or slot)
    if not wanted or not snapshot.can_still_list(lane):
        return slots
    return _add(snapshot, lane, slots, list(wanted.values()))


def _add(snapshot: Snapshot, lane: str, slots: list[Slot], added: list[Slot]) -> list[Slot]:
    rooms = _rooms(snapshot, lane, slots)
    for index in rooms[:-1][: len(added)]:
        slots[index] = added.pop(0)
    unused = sum(
        slot.name == ROOM and not snapshot.is_used(lane, index) for index, slot in enumerate(slots)
    )
    left = sum(slots[index].name == ROOM for index in rooms) + unused
    # Without a room none of what is added would have a task instance; without further plans one is enough.
    missing = max(0, (ROOMS if snapshot.may_grow else 1) - left)
    while (added or missing) and snapshot.is_used(lane, len(slots)):
        # Airflow does not bring a removed task instance back by itself.
        slots.append(Slot(None))
    return [*slots, *added, *[Slot(ROOM)] * missing]


def _rooms(snapshot: Snapshot, lane: str, slots: Sequence[Slot]) -> list[int]:
    """Return the rooms whose task instances are there and have not ended."""
    return [
        index
        for index, slot in enumerate(slots)
        if slot.name == ROOM and snapshot.is_used(lane, index) and snapshot.state(lane, index) not in FINAL
    ]


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
