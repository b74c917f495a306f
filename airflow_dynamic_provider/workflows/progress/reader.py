"""Reads what a workflow's task instances have stored: from a task, from a trigger, or from the database."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Protocol

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import Record, field
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


class Place(Record):
    """The place of a node: its lane, its map index there, and its slot in the list."""

    lane: str
    index: int
    slot: Slot


class Source(Protocol):
    """A source of the task instances and XComs of one Dag run."""

    def states(self, task_ids: Collection[str]) -> xcom.States:
        """Return (task, map index) -> state of the task instances of some tasks."""

    def pull(self, task_id: str, xcom_key: str, map_index: int) -> Any:
        """Return one XCom, ``None`` if there is none."""


class TaskSource(Record):
    """Reads through the API for tasks and triggers. One API call for each method call."""

    dag_id: str
    run_id: str

    def states(self, task_ids: Collection[str]) -> xcom.States:
        """Return (task, map index) -> state of the task instances of some tasks."""
        return xcom.read_states_of_run(self.dag_id, self.run_id, task_ids)

    def pull(self, task_id: str, xcom_key: str, map_index: int) -> Any:
        """Return one XCom, ``None`` if there is none."""
        return xcom.pull_of_run(self.dag_id, self.run_id, task_id, xcom_key, map_index)


class WorkflowReader(Record, frozen=False):
    """Reads the plans, lists and states of one workflow in one Dag run, and caches what cannot change.

    Args:
        dag_id: The Dag.
        run_id: The Dag run.
        spec: The workflow.
        source: The source to read from; by default the API for tasks and triggers.
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
        """Return the states of the planning, listing and node task instances. One API call."""
        return self._source.states(
            [self.spec.plan_task_id, *self.spec.node_task_ids, *self.spec.list_task_ids]
        )

    def slots(self, lane: str) -> list[Slot]:
        """Return the slots in the list of a lane. One API call, the first time."""
        if lane not in self._slots:
            task_id = self.spec.lanes[lane].list_task_id
            self._slots[lane] = unpack_slots(self.pull(task_id, RETURN_VALUE))
        return self._slots[lane]

    def remember_slots(self, lane: str, slots: Sequence[Slot]) -> None:
        """Use these slots as the list of a lane."""
        self._slots[lane] = list(slots)
        self._places = None

    def has_begun(self, lane: str) -> bool:
        """Whether the list of a lane was begun for the current plans. One API call, three the first time.

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
        """Return the mark of a lane's list that is begun for the current plans.

        Raises:
            PlanMismatchError: The nodes are not listed, because another release planned them.
        """
        return self.stored_roots().mark(self.first_slots(lane))

    def first_slots(self, lane: str) -> list[Slot]:
        """Return the first list of a lane. One API call, the first time."""
        if lane not in self._first_slots:
            packed = self.pull(self.spec.listing_task_id, stored.first_slots_xcom(lane))
            self._first_slots[lane] = unpack_slots(packed)
        return self._first_slots[lane]

    def stored_roots(self) -> StoredRoots:
        """Return the graphs for which nodes were first listed. One API call, the first time.

        Raises:
            PlanMismatchError: There are none, because another release planned the nodes.
        """
        roots = self._find_roots()
        if roots is None:
            listing = self.spec.listing_task_id
            raise PlanMismatchError(
                "has not listed the nodes that it planned: an earlier release of this package ran it",
                task_id=listing,
                remedy=f"Clear {listing!r} with its downstream tasks, so that the installed release runs it.",
            )
        return roots

    def _find_roots(self) -> StoredRoots | None:
        if self._roots is None:
            packed = self.pull(self.spec.listing_task_id, stored.ROOTS_XCOM)
            self._roots = None if packed is None else StoredRoots.unpack(packed)
        return self._roots

    def plan(self, task_id: str, map_index: int) -> Plan | None:
        """Return the plan of a task instance, ``None`` if there is none yet. One API call, the first time."""
        at = (task_id, map_index)
        if at not in self._plans:
            packed = self.pull(task_id, stored.PLAN_XCOM, map_index)
            if packed is None:
                return None
            self._plans[at] = unpack_plan(packed)
        return self._plans[at]

    def pull(self, task_id: str, xcom_key: str, map_index: int = xcom.UNMAPPED) -> Any:
        """Return one XCom of the run, ``None`` if there is none. One API call."""
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
        # An earlier release did not store the graphs.
        return {
            slot.key_path: slot.root_index
            for lane in self.spec.lanes
            for slot in self.slots(lane)
            if slot.name
        }

    def graph(self, key_path: KeyPath, root_index: int, states: xcom.States) -> RunGraph:
        """Return the graph of a key, as far as it is known."""
        places = self.places(key_path)
        state_of = {
            name: xcom.state_at(states, self.lane(place).task_id, place.index)
            for name, place in places.items()
        }
        planning = xcom.state_at(states, self.spec.plan_task_id, root_index)
        if planning != SUCCESS:
            # The task will plan again, perhaps other nodes.
            self._plans.pop((self.spec.plan_task_id, root_index), None)
        plans = self._plans_of(root_index, places, state_of)
        state_of |= dict.fromkeys(self._lost(plans, places, states), REMOVED)
        has_ended = planning in FINAL
        return RunGraph(
            plans, self.spec.planners, state_of, self.spec.failure_policy, has_ended_planning=has_ended
        )

    def has_ended_listing(self, lane: str, states: xcom.States) -> bool:
        """Whether the task that returns the list of a lane has ended."""
        return states.get((self.spec.lanes[lane].list_task_id, xcom.UNMAPPED)) in FINAL

    def can_still_list(self, lane: str, states: xcom.States) -> bool:
        """Whether nodes can be added to the list of a lane so that Airflow runs them."""
        tasks = self.spec.lanes[lane]
        if self.has_ended_listing(lane, states):
            return False
        slots = self.slots(lane)
        return not slots or any(
            slot.name == stored.RESERVED and xcom.state_at(states, tasks.task_id, index) not in FINAL
            for index, slot in enumerate(slots)
        )

    def _lost(self, plans: dict[str, Plan], places: dict[str, Place], states: xcom.States) -> Iterator[str]:
        """Yield the nodes that were planned too late to be listed: nothing must wait for them."""
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
                # The node will plan again, perhaps other nodes.
                self._plans.pop((task_id, place.index), None)
            elif (plan := self.plan(task_id, place.index)) is not None:
                plans[name] = plan
        return plans
