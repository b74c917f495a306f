"""A workflow in one run: its nodes, their states, and the edges between them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED, state_at
from airflow_dynamic_provider.database.cells import count_states
from airflow_dynamic_provider.database.failures import read_failures
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.database.reuse import read_origins
from airflow_dynamic_provider.database.runs import unknown
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.states import FINAL, SUCCESS
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.workflows.progress import stored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.execution.failures import KeyFailure
    from airflow_dynamic_provider.execution.layout import MadeBy
    from airflow_dynamic_provider.execution.spaces import KeyPath
    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
    from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
    from airflow_dynamic_provider.workflows.progress.run_graph import RunGraph


@dataclass(frozen=True)
class ViewedNode:
    """A node in one run.

    Attributes:
        name: Its name.
        kind: The task that the body called.
        instance: Its task instance; ``None`` before there is one.
        state: Its state.
        reason: Why it failed or did not run; ``None`` if it succeeded or may still run.
        from_run: The run whose result it uses, if it is cached and did not run.
        waited: The seconds of its duration in which it waited for the nodes before it; ``None`` before it
            has ended.
    """

    name: str
    kind: str
    instance: Instance | None
    state: str | None
    reason: str | None
    from_run: str | None = None
    waited: float | None = None


@dataclass(frozen=True)
class KeptCall:
    """A call of a cached workflow in a body that has no nodes, because its output is kept.

    Attributes:
        name: The name of the call.
        from_run: The run whose result it uses.
    """

    name: str
    from_run: str


class WorkflowView:
    """The nodes and states of a workflow in one run.

    Args:
        run: The Dag run.
        reader: Reads the workflow's plans and lists.
    """

    def __init__(self, run: OpenRun, reader: WorkflowReader) -> None:
        self._run = run
        self._reader = reader

    @property
    def spec(self) -> WorkflowSpec:
        """The workflow."""
        return self._reader.spec

    @cached_property
    def roots(self) -> Mapping[KeyPath, int]:
        """Key path -> the map index of the planning task of its graph; the empty path outside a map."""
        return self._reader.roots() if self.spec.is_mapped else {(): UNMAPPED}

    @cached_property
    def graphs(self) -> Mapping[KeyPath, RunGraph]:
        """Key path -> graph."""
        states = {at: instance.state for at, instance in self._instances.items()}
        return {path: self._reader.graph(path, root, states) for path, root in self.roots.items()}

    @property
    def count(self) -> int | None:
        """The number of planned nodes; ``None`` while there is no plan."""
        plans = [graph for graph in self.graphs.values() if graph.plans]
        return sum(len(graph.nodes) for graph in plans) if plans else None

    @property
    def counts(self) -> dict[str, int]:
        """State -> number of nodes."""
        return count_states(node.state for path in self.roots for node in self.nodes(path))

    @property
    def state(self) -> str | None:
        """The state of the task that returns the workflow's outputs."""
        return self._state_of(self.spec.result_task_id)

    @property
    def message(self) -> str | None:
        """Why there are no nodes; ``None`` if there are nodes."""
        if self.count is not None:
            return None
        task, state = repr(self.spec.plan_task_id), self._state_of(self.spec.plan_task_id)
        if state in FINAL:
            failure = self._failures.get((self.spec.plan_task_id, UNMAPPED))
            why = "" if failure is None else f": {failure}"
            return f"There are no nodes because {task} is {state} and has not stored a plan{why or '.'}"
        return f"The nodes are not known yet: {task} has not ended."

    def nodes(self, key_path: KeyPath) -> Iterator[ViewedNode]:
        """Return the nodes of a key's graph."""
        graph = self.graphs[key_path]
        places = {
            name: (self._reader.lane(place).task_id, place.index)
            for name, place in self._reader.places(key_path).items()
        }
        instances = {name: self._instances.get(at) for name, at in places.items()}
        before: defaultdict[str, list[Instance | None]] = defaultdict(list)
        for earlier, later in graph.edges():
            before[later].append(instances.get(earlier))
        for name, node in graph.nodes.items():
            at, instance = places.get(name), instances.get(name)
            blocked, reason = self._reasons.get(at, ("", "")) if at is not None else ("", "")
            failure = None if at is None else self._failures.get(at)
            made_by = self._origins.get(at) if at is not None else None
            yield ViewedNode(
                name,
                node.kind,
                instance,
                None if instance is None else instance.state,
                # A reason for another node comes from an earlier plan.
                str(failure) if failure is not None else reason if blocked == name else None,
                # A node that waits to run again has the metadata of its last run.
                made_by.run_id if made_by and instance and instance.state == SUCCESS else None,
                waited=None if instance is None else _seconds_waited(instance, before[name]),
            )

    def kept_calls(self, key_path: KeyPath) -> list[KeptCall]:
        """Return the calls of a key's graph whose outputs are those of earlier runs."""
        return [
            KeptCall(call.name, call.kept.made_by.run_id)
            for call in self.graphs[key_path].calls.values()
            if call.kept is not None and call.kept.made_by is not None
        ]

    def from_run(self, key_path: KeyPath) -> str | None:
        """Return the run whose output the workflow uses; ``None`` if it was planned."""
        plan = self.graphs[key_path].plans.get("")
        kept = None if plan is None else plan.kept
        return None if kept is None or kept.made_by is None else kept.made_by.run_id

    def edges(self, key_path: KeyPath) -> list[tuple[str, str]]:
        """Return (node, node that waits for it) for a key's graph."""
        return self.graphs[key_path].edges()

    def check(self, key_path: KeyPath) -> None:
        """Refuse a key that has no graph.

        Raises:
            UnknownNameError: The key has no graph.
        """
        if key_path not in self.roots:
            name, known = render_key(key_path), [render_key(path) for path in self.roots]
            raise unknown(f"key {name!r}", f"the workflow {self.spec.name!r}", name, known)

    def name_of(self, task_id: str, map_index: int) -> str | None:
        """Return the name of the node that a task instance runs; ``None`` if it runs no node."""
        found = (lane for lane, each in self.spec.lanes.items() if each.task_id == task_id)
        for lane in found:
            slots = self._reader.slots(lane)
            if 0 <= map_index < len(slots) and slots[map_index].name:
                return slots[map_index].name
        return None

    def _state_of(self, task_id: str) -> str | None:
        states = {at: instance.state for at, instance in self._instances.items() if at[0] == task_id}
        return state_at(states, task_id, UNMAPPED)

    @cached_property
    def _instances(self) -> dict[tuple[str, int], Instance]:
        spec = self.spec
        planning = [spec.plan_task_id, spec.result_task_id, spec.listing_task_id]
        tasks = [*planning, *spec.node_task_ids, *spec.list_task_ids]
        return read_instances(self._run.source, tasks)

    @cached_property
    def _failures(self) -> dict[tuple[str, int], KeyFailure]:
        return read_failures(self._run.source, self._instances.values())

    @cached_property
    def _origins(self) -> Mapping[tuple[str, int], MadeBy]:
        return read_origins(self._run.source, self.spec.cached_task_ids)

    @cached_property
    def _reasons(self) -> dict[tuple[str, int], tuple[str, str]]:
        found = self._run.source.pull_some(self.spec.node_task_ids, stored.BLOCKED_XCOM)
        return {at: _read_blocked(each) for at, each in found.items()}


def _seconds_waited(instance: Instance, before: Iterable[Instance | None]) -> float | None:
    """Return how long a node that has ended waited, of the time since Airflow started it."""
    if instance.duration is None or instance.start_date is None:
        return None
    ends = [each.end_date for each in before if each is not None and each.end_date is not None]
    ready = max(ends, default=instance.start_date)
    return min(max((ready - instance.start_date).total_seconds(), 0.0), instance.duration)


def _read_blocked(packed: Any) -> tuple[str, str]:
    try:
        return stored.unpack_blocked(packed)
    except LayoutError:
        # The node of an unreadable reason is unknown. The graph can be shown without the reason.
        return "", ""


def look_at_workflow(run: OpenRun, name: str) -> WorkflowView:
    """Return the view of a workflow in a run.

    Raises:
        UnknownNameError: There is no such workflow.
    """
    return WorkflowView(run, run.workflow(name))
