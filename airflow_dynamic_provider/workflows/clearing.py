"""Which task instances have to run again when nodes of a workflow are cleared: pure, from plans and lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.execution.states import FAILED, SKIPPED, SUCCESS, UPSTREAM_FAILED
from airflow_dynamic_provider.execution.xcom import UNMAPPED, state_at
from airflow_dynamic_provider.workflows import stored, templates
from airflow_dynamic_provider.workflows.plan import SEPARATOR

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from airflow_dynamic_provider.workflows.reading import KeyPath, WorkflowReader
    from airflow_dynamic_provider.workflows.run_graph import RunGraph

Pair = tuple[str, int]


@dataclass(frozen=True)
class ClearedGraph:
    """What runs again of one graph.

    Attributes:
        key_path: The key of whose graph it is; empty outside a map.
        nodes: Node -> its task instance, of all nodes that run again.
        others: The task instances that run again with them: those that make room for nodes planned anew, and
            the lists that were never made.
        result: The task instance that returns the workflow's outputs.
        failed_besides: The failed nodes that do not run again.
    """

    key_path: KeyPath
    nodes: Mapping[str, Pair]
    others: tuple[Pair, ...]
    result: Pair
    failed_besides: tuple[str, ...] = ()

    @property
    def pairs(self) -> list[Pair]:
        """All of them, each once, as (task, map index)."""
        return list(dict.fromkeys([*self.nodes.values(), *self.others, self.result]))


class Clearing:
    """One graph, of which nodes are to be cleared.

    Args:
        reader: Reads the workflow's XComs.
        key_path: The key of whose graph it is; empty outside a map.
        root_index: The map index of its planning task.
        states: (task, map index) -> state of the nodes' and the lists' task instances.
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
        self._places = {
            name: (reader.lane(place).task_id, place.index)
            for name, place in reader.places(key_path).items()
        }

    @property
    def names(self) -> list[str]:
        """The nodes that have, or had, a task instance, and the calls that they are made of."""
        return [*self._places, *(call for call in self._graph.calls if call not in self._places)]

    @property
    def failed(self) -> list[str]:
        """The nodes that failed."""
        return [name for name in self._places if self._state(name) in (FAILED, UPSTREAM_FAILED)]

    def clear(self, names: Iterable[str], blocked: Collection[Pair] = ()) -> ClearedGraph:
        """Return what runs again when nodes, or all nodes of calls, are cleared.

        Args:
            names: The nodes and calls.
            blocked: The task instances that were not run because of others.
        """
        spec = self._reader.spec
        dependents = Dependents(self._graph, spec.planners, self._places)
        chosen = dependents.of(names)
        besides = [name for name in self.failed if name not in chosen]
        if not besides:
            # Those that failed fast with the others wait for nothing of theirs, and can run now.
            stopped = [
                name
                for name, place in self._places.items()
                if self._state(name) == SKIPPED and place in blocked
            ]
            chosen = dependents.of([*chosen, *stopped])
        nodes = {name: self._places[name] for name in self._places if name in chosen}
        others = [*self._unlisted(nodes.values())]
        if any(dependents.plans(name) for name in nodes):
            others += self._room()
        result = (spec.result_task_id, self._root_index)
        return ClearedGraph(self._key_path, nodes, tuple(others), result, tuple(besides))

    def _state(self, name: str) -> str | None:
        return state_at(self._states, *self._places[name])

    def _room(self) -> Iterator[Pair]:
        for name, lane in self._reader.spec.lanes.items():
            slots = self._reader.slots(name)
            last = max((at for at, slot in enumerate(slots) if slot.name == stored.ROOM), default=None)
            if last is not None:
                yield lane.task_id, last

    def _unlisted(self, pairs: Collection[Pair]) -> Iterator[Pair]:
        """The tasks that were to hold the lists of cleared nodes, where they did not end well."""
        task_ids = {task_id for task_id, _ in pairs}
        for lane in self._reader.spec.lanes.values():
            if lane.task_id in task_ids and self._states.get((lane.list_task_id, UNMAPPED)) != SUCCESS:
                yield lane.list_task_id, UNMAPPED


class Dependents:
    """What depends on what in one graph.

    Args:
        graph: The graph, as far as it is planned.
        planners: The kinds whose nodes plan further nodes.
        listed: All nodes that have, or had, a task instance: also of plans that are not known any more.
    """

    def __init__(self, graph: RunGraph, planners: Collection[str], listed: Collection[str]) -> None:
        self._graph = graph
        self._planners = planners
        self._names = list(dict.fromkeys([*graph.nodes, *listed]))
        self._members: dict[str, list[str]] = {}
        for name in self._names:
            for prefix in _prefixes(name):
                self._members.setdefault(prefix, []).append(name)
        self._sources: dict[str, frozenset[str]] = {}
        self._direct: dict[str, list[str]] = {}
        for node in graph.nodes.values():
            for source in frozenset[str]().union(*map(self._sources_of, node.upstream)):
                self._direct.setdefault(source, []).append(node.name)

    def of(self, names: Iterable[str]) -> set[str]:
        """Return nodes with all that depends on them; a call stands for all its nodes."""
        found: set[str] = set()
        waiting = [node for name in names for node in self._nodes_of(name)]
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            waiting += self._direct.get(name, [])
            if self.plans(name):
                # They are planned anew.
                waiting += self._members.get(name, [])
        return found

    def plans(self, name: str) -> bool:
        """Whether a node plans further nodes."""
        node = self._graph.nodes.get(name)
        return node is not None and node.kind in self._planners

    def _nodes_of(self, name: str) -> list[str]:
        own = [name] if name in self._graph.nodes or name not in self._members else []
        return own or self._members[name]

    def _sources_of(self, name: str) -> frozenset[str]:
        """Return the nodes that the output of a node or a call is made of, or that have to end before it."""
        if name not in self._sources:
            own = [name, *self._members.get(name, [])]
            # Nothing can be made of itself; it is noted first in case a stored plan says so.
            self._sources[name] = frozenset(own)
            self._sources[name] = frozenset(own).union(*map(self._sources_of, self._returned(name)))
        return self._sources[name]

    def _returned(self, name: str) -> Iterator[str]:
        call, plan = self._graph.calls.get(name), self._graph.plans.get(name)
        for part in (call, plan):
            if part is not None:
                yield from (reference.name for reference in templates.references(part.output))


def _prefixes(name: str) -> Iterator[str]:
    parts = name.split(SEPARATOR)
    return (SEPARATOR.join(parts[:end]) for end in range(1, len(parts)))
