"""Decides which nodes that were planned while the workflow runs are added to the lists, and where.

A node that plans further nodes stores its plan and no more. Each lane that may grow has two that wait for
such plans, in the triggerer:

- the task that returns the lane's list. When a plan has nodes for it, its trigger adds them to the list, with
  the new length, and behind them a slot without a node (`stored.ROOM`). Nothing else writes the list.
- the lane's task instance in the last such slot. When slots are listed behind its own, it starts, and goes
  back to the scheduler, which looks at the list's length whenever a task instance of a mapped task can start:
  so it makes task instances for all that is listed.

When no node can plan any more, both end. So every node, however deep, is a task instance of the one Dag run,
and each task instance writes its own XComs only.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from airflow_dynamic_provider.workflows.stored import ROOM, Slot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dynamic_provider.workflows.reading import KeyPath, Snapshot


class Room(Enum):
    """What the task instance in a slot without a node has to do."""

    WAIT = "wait"
    ASK = "ask the scheduler for task instances"
    END = "end"


def decide_room(snapshot: Snapshot, lane: str, index: int) -> Room:
    """Say what the task instance in a slot without a node has to do."""
    behind = range(index + 1, len(snapshot.reader.slots(lane)))
    if not all(snapshot.is_used(lane, each) for each in behind):
        return Room.ASK
    return Room.END if behind or snapshot.is_complete else Room.WAIT


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
    its task instance may end at any time. New ones are added at the end, with the next slot for room.
    """
    wanted = _wanted(snapshot, lane)
    slots = []
    for slot in present:
        known = wanted.pop((slot.key_path, slot.name or ""), None)
        graph = snapshot.graphs.get(slot.key_path)
        if known is None and slot.plan and not (graph is not None and graph.may_grow):
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
