"""Finds the task instances to run again when nodes of a workflow are cleared: pure, from plans and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED, state_at
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.definitions.states import FAILED, REMOVED, SKIPPED, SUCCESS, UPSTREAM_FAILED
from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import SEPARATOR, calls_around
from airflow_dynamic_provider.workflows.progress import stored
from airflow_dynamic_provider.workflows.progress.run_graph import Outcome

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from airflow_dynamic_provider.execution.spaces import KeyPath
    from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
    from airflow_dynamic_provider.workflows.progress.run_graph import RunGraph

Pair = tuple[str, int]

_FAILED = (FAILED, UPSTREAM_FAILED, REMOVED)


class ClearedGraph(Record):
    """The task instances of one graph that run again.

    Attributes:
        key_path: The key that the graph belongs to; empty outside a map.
        nodes: Node -> its task instance, for all nodes that run again.
        others: The task instances that run again with the nodes: those that list nodes that are planned
            again, and those whose lists were never made.
        result: The task instance that returns the output of the workflow.
        failed_besides: The failed nodes that do not run again.
    """

    key_path: KeyPath
    nodes: Mapping[str, Pair]
    others: tuple[Pair, ...]
    result: Pair
    failed_besides: tuple[str, ...] = ()

    @property
    def pairs(self) -> list[Pair]:
        """All task instances that run again, each once, as (task, map index)."""
        return list(dict.fromkeys([*self.nodes.values(), *self.others, self.result]))


class Clearing:
    """Finds what to clear in one graph.

    Args:
        reader: Reads the workflow's XComs.
        key_path: The key that the graph belongs to; empty outside a map.
        root_index: The map index of its planning task.
        states: (task, map index) -> state, for the task instances of nodes and lists.
    """

    def __init__(
        self,
        reader: WorkflowReader,
        key_path: KeyPath,
        root_index: int,
        states: Mapping[Pair, str | None],
    ) -> None:
        self._reader = reader
        self._key_path = key_path
        self._root_index = root_index
        self._states = dict(states)
        self._graph = reader.graph(key_path, root_index, self._states)
        self._slots = reader.places(key_path)
        self._places = {
            name: (reader.lane(place).task_id, place.index) for name, place in self._slots.items()
        }

    @property
    def names(self) -> list[str]:
        """The nodes of the current plans, and the calls that they belong to."""
        return list(dict.fromkeys([*self._graph.nodes, *self._graph.calls]))

    @property
    def failed(self) -> list[str]:
        """The nodes that failed, and those that were planned too late to be listed."""
        return [
            name
            for name in self._graph.nodes
            if self._state(name) in _FAILED
            or (name not in self._places and self._graph.outcome(name) is Outcome.FAILED)
        ]

    def stopped(self, blocked: Collection[Pair]) -> list[str]:
        """Return the skipped nodes for which no upstream node failed or was skipped.

        A failed node skips them if the workflow fails fast.

        Args:
            blocked: The task instances that were skipped because of others.
        """
        return [
            name
            for name, node in self._graph.nodes.items()
            if self._state(name) == SKIPPED
            and self._places[name] in blocked
            and not any(self._graph.outcome(up) is Outcome.SKIPPED for up in node.upstream)
        ]

    def clear(self, names: Iterable[str], blocked: Collection[Pair] = ()) -> ClearedGraph:
        """Return the task instances that run again when nodes, or all nodes of calls, are cleared.

        Args:
            names: The nodes and calls.
            blocked: The task instances that were skipped because of others.
        """
        spec = self._reader.spec
        dependents = Dependents(self._graph, self._planners, self._places)
        chosen = dependents.of(names)
        besides = [name for name in self._fatal if name not in chosen]
        if self._fatal and not besides:
            chosen |= dependents.of(self.stopped(blocked))
        nodes = {name: place for name, place in self._places.items() if name in chosen}
        others = list(self._unlisted(nodes.values()))
        if any(self._is_listed_again(name) for name in chosen):
            others += self._reserved()
        result = (spec.result_task_id, self._root_index)
        return ClearedGraph(self._key_path, nodes, tuple(others), result, tuple(besides))

    @property
    def _planners(self) -> set[str]:
        """The nodes that plan further nodes."""
        planners = self._reader.spec.planners
        listed = {name for name, place in self._slots.items() if self._reader.lane(place).plans}
        return {name for name, node in self._graph.nodes.items() if node.kind in planners} | listed

    @property
    def _fatal(self) -> list[str]:
        """The failed nodes that no call tolerates."""
        culprits = self._graph.culprits
        return [
            name
            for name in self.failed
            if any(name == each or name.startswith(each + SEPARATOR) for each in culprits)
        ]

    def _is_listed_again(self, name: str) -> bool:
        """Whether the list of a lane has to change when a node runs again."""
        if name in self._planners or name not in self._places:
            return True
        planner = self._graph.planned_by.get(name)
        return planner is not None and (
            bool(planner) and self._graph.plans[planner].fingerprint != self._slots[name].slot.plan
        )

    def _state(self, name: str) -> str | None:
        return state_at(self._states, *self._places[name]) if name in self._places else None

    def _reserved(self) -> Iterator[Pair]:
        for name in self._reader.spec.growing_lanes:
            lane, slots = self._reader.spec.lanes[name], self._reader.slots(name)
            reserved = [at for at, slot in enumerate(slots) if slot.name == stored.RESERVED]
            # The task instance in a slot that asks ends once it is answered.
            free = [at for at in reserved if not slots[at].asks]
            if last := (free or reserved)[-1:]:
                yield from ((lane.list_task_id, UNMAPPED), (lane.task_id, last[0]))

    def _unlisted(self, pairs: Collection[Pair]) -> Iterator[Pair]:
        """The tasks that return the lists of cleared nodes, if they did not succeed."""
        task_ids = {task_id for task_id, _ in pairs}
        for lane in self._reader.spec.lanes.values():
            if lane.task_id in task_ids and self._states.get((lane.list_task_id, UNMAPPED)) != SUCCESS:
                yield lane.list_task_id, UNMAPPED


class Dependents:
    """The dependencies between the nodes of one graph.

    Args:
        graph: The graph, as far as it is planned now.
        planners: The nodes that plan further nodes.
        listed: All nodes that have or had a task instance, including those of plans that are gone.
    """

    def __init__(self, graph: RunGraph, planners: Collection[str], listed: Collection[str]) -> None:
        self._graph = graph
        self._planners = planners
        self._names = list(dict.fromkeys([*graph.nodes, *listed]))
        self._members: dict[str, list[str]] = {}
        for name in self._names:
            for prefix in calls_around(name):
                self._members.setdefault(prefix, []).append(name)
        self._sources: dict[str, frozenset[str]] = {}
        self._direct: dict[str, list[str]] = {}
        for node in graph.nodes.values():
            for source in frozenset[str]().union(*map(self._sources_of, node.upstream)):
                self._direct.setdefault(source, []).append(node.name)

    def of(self, names: Iterable[str]) -> set[str]:
        """Return the given nodes and all nodes that depend on them; a call stands for all its nodes."""
        found: set[str] = set()
        waiting = [node for name in names for node in self._nodes_of(name)]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            waiting += self._direct.get(name, [])
            if name in self._planners:
                # These nodes are planned again.
                waiting += self._members.get(name, [])
        return found

    def _nodes_of(self, name: str) -> list[str]:
        # A node that planned a call has the same name as the call, and planned all its nodes.
        is_call = name not in self._graph.nodes and name in self._members
        return self._members[name] if is_call else [name]

    def _sources_of(self, name: str) -> frozenset[str]:
        """Return the nodes whose output is part of the output of a node or a call, or that end before it."""
        if name not in self._sources:
            own = [name, *self._members.get(name, [])]
            # Set first, so that a stored plan that refers to itself causes no infinite recursion.
            self._sources[name] = frozenset(own)
            self._sources[name] = frozenset(own).union(*map(self._sources_of, self._returned(name)))
        return self._sources[name]

    def _returned(self, name: str) -> Iterator[str]:
        call, plan = self._graph.calls.get(name), self._graph.plans.get(name)
        for part in (call, plan):
            if part is not None:
                yield from (reference.name for reference in templates.references(part.output))
