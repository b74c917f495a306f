"""Reads what a workflow's task instances have stored: in a task, in a trigger, or from a database."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import FINAL, REMOVED, SUCCESS
from airflow_dynamic_provider.errors import PlanMismatchError
from airflow_dynamic_provider.execution.layout import RETURN_VALUE
from airflow_dynamic_provider.workflows.plan.plan import Plan, unpack_plan
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.run_graph import RunGraph
from airflow_dynamic_provider.workflows.progress.stored import Slot, StoredRoots, unpack_slots

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from airflow_dynamic_provider.execution.spaces import KeyPath
    from airflow_dynamic_provider.workflows.declared.spec import Lane, WorkflowSpec


@dataclass(frozen=True)
class Place:
    """Where a node is: its lane, its slot among the clones there, and what the list says of it."""

    lane: str
    index: int
    slot: Slot


class Source(Protocol):
    """Where the task instances and XComs of one Dag run are read from."""

    def states(self, task_ids: Collection[str]) -> xcom.States:
        """Return (task, map index) -> state of the task instances of some tasks."""

    def pull(self, task_id: str, xcom_key: str, map_index: int) -> Any:
        """Return one XCom, ``None`` where there is none."""


@dataclass(frozen=True)
class TaskSource:
    """Reads by the API that tasks and triggers have. One call each."""

    dag_id: str
    run_id: str

    def states(self, task_ids: Collection[str]) -> xcom.States:
        """Return (task, map index) -> state of the task instances of some tasks."""
        return xcom.read_states_of_run(self.dag_id, self.run_id, task_ids)

    def pull(self, task_id: str, xcom_key: str, map_index: int) -> Any:
        """Return one XCom, ``None`` where there is none."""
        return xcom.pull_of_run(self.dag_id, self.run_id, task_id, xcom_key, map_index)


@dataclass
class WorkflowReader:
    """Reads the plans, lists and states of one workflow in one Dag run, and keeps what cannot change.

    Args:
        dag_id: The Dag.
        run_id: The Dag run.
        spec: The workflow.
        source: Where it reads; by default as a task or a trigger does.
    """

    dag_id: str
    run_id: str
    spec: WorkflowSpec
    source: Source | None = None
    _slots: dict[str, list[Slot]] = field(default_factory=dict)
    _roots: StoredRoots | None = None
    _begun: set[str] = field(default_factory=set)
    _first_slots: dict[str, list[Slot]] = field(default_factory=dict)
    _plans: dict[tuple[str, int], Plan] = field(default_factory=dict)
    _places: dict[KeyPath, dict[str, Place]] | None = None

    def states(self) -> xcom.States:
        """Return the states of the task instances that plan, list and are nodes. One API call."""
        return self._source.states(
            [self.spec.plan_task_id, *self.spec.node_task_ids, *self.spec.list_task_ids]
        )

    def slots(self, lane: str) -> list[Slot]:
        """Return what is listed for a lane. One API call, the first time."""
        if lane not in self._slots:
            task_id = self.spec.lanes[lane].list_task_id
            self._slots[lane] = unpack_slots(self.pull(task_id, RETURN_VALUE))
        return self._slots[lane]

    def remember_slots(self, lane: str, slots: Sequence[Slot]) -> None:
        """Take these for what is listed for a lane."""
        self._slots[lane] = list(slots)
        self._places = None

    def has_begun(self, lane: str) -> bool:
        """Whether the list of a lane was begun for the present plans. One API call, and two the first time.

        Raises:
            PlanMismatchError: The nodes are not listed, because another release planned them.
        """
        if lane not in self._begun:
            mark = self.pull(self.spec.lanes[lane].list_task_id, stored.LIST_XCOM)
            if stored.unpack_list_mark(mark) != self.list_mark(lane):
                return False
            self._begun.add(lane)
        return True

    def list_mark(self, lane: str) -> str:
        """Return what tells whether a list of a lane was begun for the present plans.

        Raises:
            PlanMismatchError: The nodes are not listed, because another release planned them.
        """
        return self.stored_roots().mark(self.first_slots(lane))

    def first_slots(self, lane: str) -> list[Slot]:
        """Return the list of a lane as it is at first. One API call, the first time."""
        if lane not in self._first_slots:
            packed = self.pull(self.spec.listing_task_id, stored.first_slots_xcom(lane))
            self._first_slots[lane] = unpack_slots(packed)
        return self._first_slots[lane]

    def stored_roots(self) -> StoredRoots:
        """Return the graphs that were listed first. One API call, the first time.

        Raises:
            PlanMismatchError: There is nothing, because another release planned the nodes.
        """
        roots = self._find_roots()
        if roots is None:
            listing = self.spec.listing_task_id
            raise PlanMismatchError(
                "has not listed the nodes that it planned: an earlier release of this package ran it",
                task_id=listing,
                remedy=f"Clear {listing!r} with its downstream tasks, so that the installed one runs.",
            )
        return roots

    def _find_roots(self) -> StoredRoots | None:
        if self._roots is None:
            packed = self.pull(self.spec.listing_task_id, stored.ROOTS_XCOM)
            self._roots = None if packed is None else StoredRoots.unpack(packed)
        return self._roots

    def plan(self, task_id: str, map_index: int) -> Plan | None:
        """Return what a task instance planned, ``None`` before it has. One API call, the first time."""
        at = (task_id, map_index)
        if at not in self._plans:
            packed = self.pull(task_id, stored.PLAN_XCOM, map_index)
            if packed is None:
                return None
            self._plans[at] = unpack_plan(packed)
        return self._plans[at]

    def pull(self, task_id: str, xcom_key: str, map_index: int = xcom.UNMAPPED) -> Any:
        """Return one XCom of the run, ``None`` where there is none. One API call."""
        return self._source.pull(task_id, xcom_key, map_index)

    @functools.cached_property
    def _source(self) -> Source:
        return TaskSource(self.dag_id, self.run_id) if self.source is None else self.source

    def places(self, key_path: KeyPath) -> dict[str, Place]:
        """Return node -> place, for the graph of a key."""
        if self._places is None:
            self._places = {}
            for lane in self.spec.lanes:
                for index, slot in enumerate(self.slots(lane)):
                    if slot.name:
                        own = self._places.setdefault(slot.key_path, {})
                        own[slot.name] = Place(lane, index, slot)
        return self._places.get(key_path, {})

    def roots(self) -> dict[KeyPath, int]:
        """Return key path -> the map index of the planning task of its graph."""
        if not self.spec.is_mapped:
            return {(): xcom.UNMAPPED}
        if (listed := self._find_roots()) is not None:
            return {each.key_path: each.map_index for each in listed.roots}
        # As an earlier release has stored it.
        return {
            slot.key_path: slot.root_index
            for lane in self.spec.lanes
            for slot in self.slots(lane)
            if slot.name
        }

    def graph(self, key_path: KeyPath, root_index: int, states: xcom.States) -> RunGraph:
        """Return what is known of a key's graph."""
        places = self.places(key_path)
        state_of = {
            name: xcom.state_at(states, self.lane(place).task_id, place.index)
            for name, place in places.items()
        }
        planning = xcom.state_at(states, self.spec.plan_task_id, root_index)
        if planning != SUCCESS:
            # It will plan again, and then perhaps something else.
            self._plans.pop((self.spec.plan_task_id, root_index), None)
        plans = self._plans_of(root_index, places, state_of)
        state_of |= dict.fromkeys(self._lost(plans, places, states), REMOVED)
        has_ended = planning in FINAL
        return RunGraph(
            plans, self.spec.planners, state_of, self.spec.failure_policy, has_ended_planning=has_ended
        )

    def has_ended_listing(self, lane: str, states: xcom.States) -> bool:
        """Whether the task that returns the list of a lane has come to an end."""
        return states.get((self.spec.lanes[lane].list_task_id, xcom.UNMAPPED)) in FINAL

    def can_still_list(self, lane: str, states: xcom.States) -> bool:
        """Whether nodes may be added to the list of a lane, and Airflow be made to run them."""
        tasks = self.spec.lanes[lane]
        if self.has_ended_listing(lane, states):
            return False
        slots = self.slots(lane)
        return not slots or any(
            slot.name == stored.RESERVED and xcom.state_at(states, tasks.task_id, index) not in FINAL
            for index, slot in enumerate(slots)
        )

    def _lost(self, plans: dict[str, Plan], places: dict[str, Place], states: xcom.States) -> Iterator[str]:
        """The nodes that were planned when it was too late to list them: nobody must wait for them."""
        for planner, plan in plans.items():
            for node in plan.nodes:
                lane = self.spec.lane_of(node, is_of_root=not planner)
                if node.name not in places and not self.can_still_list(lane, states):
                    yield node.name

    def lane(self, place: Place) -> Lane:
        """Return the lane of a place."""
        return self.spec.lanes[place.lane]

    def without_lists(self) -> WorkflowReader:
        """Return a reader that reads the lists again, because nodes may have been added."""
        return WorkflowReader(self.dag_id, self.run_id, self.spec, self.source, _plans=self._plans)

    def _plans_of(
        self, root_index: int, places: dict[str, Place], states: dict[str, str | None]
    ) -> dict[str, Plan]:
        plans: dict[str, Plan] = {}
        root = self.plan(self.spec.plan_task_id, root_index)
        if root is not None:
            plans[""] = root
        for name, place in places.items():
            task_id = self.lane(place).task_id
            if not self.lane(place).plans:
                continue
            if states[name] != SUCCESS:
                # It will plan again, and then perhaps something else.
                self._plans.pop((task_id, place.index), None)
            elif (plan := self.plan(task_id, place.index)) is not None:
                plans[name] = plan
        return plans
