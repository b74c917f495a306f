"""Decides how nodes that are planned at run time are added to the lists.

A node that plans further nodes only stores its plan. In each lane that may grow, two kinds of task instances
wait for such plans in the triggerer:

- The task that returns the lane's list. When a plan has nodes for the lane, its trigger adds them to the list
  and stores the new length. Nothing else writes the list.
- The task instances in the lane's *reserved slots* (`stored.RESERVED`), which are the last slots and have no
  node. A reserved slot can take a new node. Its task instance exists already and continues as that node. The
  list marks the last reserved slot with a task instance as the one that asks. This task instance starts and
  returns to the scheduler, which checks the length of the list whenever a task instance of a mapped task can
  start. This makes the scheduler create task instances for all slots.

If a level adds one node to a lane, the node can start at once. Meanwhile, the scheduler makes the next
reserved slots. A reserved slot asks only once and then takes no node. If its task instance started again
before Airflow had noticed how the start before ended, Airflow would treat it as killed
(apache/airflow#71580).

When no node can plan any more, all of these task instances end. So every node, at any depth, is a task
instance of the same Dag run, and each task instance writes only its own XComs.
"""

from __future__ import annotations

import functools
from enum import Enum
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.definitions.states import FINAL
from airflow_dynamic_provider.workflows.progress.stored import RESERVED, Slot

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dynamic_provider.execution.spaces import KeyPath
    from airflow_dynamic_provider.workflows.progress.reader import Place, WorkflowReader
    from airflow_dynamic_provider.workflows.progress.run_graph import RunGraph

#: The number of reserved slots in a list that may grow: one for the next node, and one to ask for more.
RESERVED_SLOTS = 2


class Reserved(Enum):
    """What the task instance in a slot without a node has to do."""

    WAIT = "wait"
    ASK = "ask the scheduler for task instances"
    END = "end"


class Snapshot:
    """The state of a workflow at one look: two API calls, and one for each new lane and plan.

    Attributes:
        reader: The lists and plans.
        states: (task, map index) -> state.
        graphs: Key path -> its graph.
        roots: Key path -> the map index of its planning task.
    """

    def __init__(self, reader: WorkflowReader) -> None:
        self.reader = reader
        self.states = reader.states()
        self.roots = reader.roots()
        self.graphs: dict[KeyPath, RunGraph] = {
            key_path: reader.graph(key_path, root_index, self.states)
            for key_path, root_index in self.roots.items()
        }

    @property
    def may_grow(self) -> bool:
        """Whether nodes may be added."""
        return any(graph.may_grow for graph in self.graphs.values())

    @functools.cached_property
    def is_complete(self) -> bool:
        """Whether all nodes are planned, and all that can be listed are listed."""
        return not self.may_grow and all(
            list_again(self, lane, self.reader.slots(lane)) == self.reader.slots(lane)
            for lane in self.reader.spec.growing_lanes
            if self.can_still_list(lane)
        )

    def state(self, lane: str, index: int) -> str | None:
        """Return the state of the task instance in a slot."""
        return xcom.state_at(self.states, self.reader.spec.lanes[lane].task_id, index)

    def is_used(self, lane: str, index: int) -> bool:
        """Whether a slot has a task instance."""
        return (self.reader.spec.lanes[lane].task_id, index) in self.states

    def is_current(self, place: Place) -> bool:
        """Whether the node in a slot belongs to the current plan of its planning node."""
        graph = self.graphs.get(place.slot.key_path)
        if graph is None or (planner := graph.planned_by.get(place.slot.name or "")) is None:
            return False
        return not planner or graph.plans[planner].fingerprint == place.slot.plan

    def has_ended_listing(self, lane: str) -> bool:
        """Whether the task that returns the list of a lane has ended."""
        return self.reader.has_ended_listing(lane, self.states)

    def can_still_list(self, lane: str) -> bool:
        """Whether nodes can be added to the list of a lane so that Airflow runs them."""
        return self.reader.can_still_list(lane, self.states)


def decide_reserved(snapshot: Snapshot, lane: str, index: int) -> Reserved:
    """Decide what the task instance in a slot without a node has to do."""
    slots = snapshot.reader.slots(lane)
    asks, are_used = slots[index].asks, _are_used(snapshot, lane, slots[index + 1 :], index + 1)
    # When a later slot has a task instance, so has every slot that was listed when this one asked.
    is_answered = _last_reserved(snapshot, lane, slots) > index
    if (asks and is_answered) or (are_used and snapshot.is_complete):
        return Reserved.END
    # After the list has ended, nothing marks the slot that asks.
    is_asked = asks or snapshot.has_ended_listing(lane)
    return Reserved.ASK if is_asked and not are_used and not is_answered else Reserved.WAIT


def list_again(snapshot: Snapshot, lane: str, present: Sequence[Slot]) -> list[Slot]:
    """Return the list of a lane according to the plans and task instances that are known now.

    A node keeps its slot. A node that is no longer planned leaves a free slot, which is not used again,
    because its task instance may end at any time. New nodes take reserved slots. The remaining new nodes are
    added at the end, followed by as many reserved slots as are missing.
    """
    wanted = _wanted(snapshot, lane)
    slots = []
    for slot in present:
        known = wanted.pop((slot.key_path, slot.name or ""), None)
        graph = snapshot.graphs.get(slot.key_path)
        if known is None and slot.plan and not (graph is not None and graph.may_grow):
            known = Slot(None)
        slots.append(known or slot)
    if not snapshot.can_still_list(lane):
        return slots
    return _with_reserved(snapshot, lane, *_fill_reserved(snapshot, lane, slots, list(wanted.values())))


def _fill_reserved(
    snapshot: Snapshot, lane: str, slots: list[Slot], added: list[Slot]
) -> tuple[list[Slot], list[Slot], bool]:
    """Put new nodes into reserved slots. Return the slots, the remaining nodes, and whether any were new."""
    last, reserved = _last_reserved(snapshot, lane, slots), _free_reserved(snapshot, lane, slots)
    # The slot that will ask, or if one asks already, the slot whose task instance will be the answer.
    kept = last if last in reserved else next((at for at in reserved if at > last), -1)
    taken = dict(zip((at for at in reserved if at != kept), added, strict=False))
    return [taken.get(at, slot) for at, slot in enumerate(slots)], added[len(taken) :], bool(added)


def _with_reserved(
    snapshot: Snapshot, lane: str, slots: list[Slot], added: list[Slot], has_new: bool
) -> list[Slot]:
    """Add nodes at the end, mark a reserved slot that asks if necessary, and reserve more slots."""
    last, reserved = _last_reserved(snapshot, lane, slots), _free_reserved(snapshot, lane, slots)
    # Without a reserved slot, no node could be added after a node is cleared.
    wanted = RESERVED_SLOTS if snapshot.may_grow else 1
    has_too_few = has_new and (bool(added) or len(reserved) < wanted)
    if last in reserved and (has_too_few or not _are_used(snapshot, lane, slots)):
        slots[last] = replace(slots[last], asks=True)
        reserved.remove(last)
    elif not has_new:
        return slots
    missing = max(wanted - len(reserved), 0 if any(at > last for at in reserved) else 1)
    while (added or missing) and snapshot.is_used(lane, len(slots)):
        # Airflow does not restore a removed task instance by itself.
        slots.append(Slot(None))
    return [*slots, *added, *[Slot(RESERVED)] * missing]


def _last_reserved(snapshot: Snapshot, lane: str, slots: Sequence[Slot]) -> int:
    return max(_reserved(snapshot, lane, slots), default=-1)


def _reserved(snapshot: Snapshot, lane: str, slots: Sequence[Slot]) -> list[int]:
    """Return the reserved slots with a task instance that has not ended."""
    return [
        at
        for at, slot in enumerate(slots)
        if slot.name == RESERVED and snapshot.is_used(lane, at) and snapshot.state(lane, at) not in FINAL
    ]


def _free_reserved(snapshot: Snapshot, lane: str, slots: Sequence[Slot]) -> list[int]:
    """Return the reserved slots that do not ask and have not ended, with or without a task instance."""
    return [
        at
        for at, slot in enumerate(slots)
        if slot == Slot(RESERVED) and not (snapshot.is_used(lane, at) and snapshot.state(lane, at) in FINAL)
    ]


def _are_used(snapshot: Snapshot, lane: str, slots: Sequence[Slot], first: int = 0) -> bool:
    return all(snapshot.is_used(lane, at) for at, _ in enumerate(slots, first))


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
