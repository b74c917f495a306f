"""Changes Airflow's task graph from the current arrangement to the wanted one.

The wanted arrangement depends on notes alone (`arrangement.py`). It is computed again after every ``map()``
and every order of handles, because the rest of the Dag file sees the graph. Only differences are changed
here: missing groups, edges and gates are added, and those that are no longer wanted are removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.authoring.arranging.arrangement import Segment, find_arrangement
from airflow_dynamic_provider.authoring.arranging.cloning import add_gate, remove_gate
from airflow_dynamic_provider.authoring.arranging.ordering import decide_as_collectors
from airflow_dynamic_provider.authoring.arranging.run_time import note_run_time_facts
from airflow_dynamic_provider.authoring.arranging.taking_notes import take_notes
from airflow_dynamic_provider.execution.sources import ResultSource

if TYPE_CHECKING:
    from collections.abc import Set

    from airflow_dynamic_provider.authoring.arranging.arrangement import Arrangement
    from airflow_dynamic_provider.authoring.arranging.gating import Check
    from airflow_dynamic_provider.authoring.model.dag_graph import ClonedTask, DagGraph
    from airflow_dynamic_provider.execution import gates


def arrange(graph: DagGraph) -> None:
    """Put every cloned task into the mapped group of its segment, and set the edges between clones."""
    decide_as_collectors(graph)
    _Difference(graph, find_arrangement(take_notes(graph))).apply()


#: The trigger rules that ask whether an upstream task instance failed: also one of the tasks before a batch.
_ABOUT_FAILURES = frozenset({TriggerRule.NONE_FAILED, TriggerRule.ONE_FAILED})


def _kind_of_gate(clone: ClonedTask) -> type[Any]:
    """Return the class of the gate before a task. Most Dags need only one of the classes, if any."""
    if clone.cut is None:
        from airflow_dynamic_provider.execution.helpers import GateOperator

        return GateOperator
    from airflow_dynamic_provider.execution.batches.gate import BatchGateOperator

    return BatchGateOperator


class _Difference:
    """The changes that Airflow's graph needs. There are none if it has the wanted arrangement already."""

    def __init__(self, graph: DagGraph, wanted: Arrangement) -> None:
        self.graph = graph
        self.wanted = wanted
        self.clones = [graph.clones[task_id] for task_id in graph.clones if task_id in wanted.segment_of]

    def apply(self) -> None:
        self._dissolve_groups()
        self._move_units()
        self._remove_gates()
        self._add_gates()
        self._set_edges()
        self._remove_empty_groups()
        note_run_time_facts(self.graph, self.wanted)

    def _dissolve_groups(self) -> None:
        """Take apart the author's groups with tasks on several levels. The tasks keep their ids."""
        for unit in sorted(self.wanted.dissolved & self.graph.units.keys()):
            group = self.graph.units.pop(unit)
            for clone in self.clones:
                if clone.unit == unit:
                    task_graph.move(clone.operator, clone.space.home)
            task_graph.remove_group(group)

    def _move_units(self) -> None:
        for clone in self.clones:
            node = self.graph.units.get(clone.unit, clone.operator)
            task_graph.move(node, self._group_of(clone))

    def _remove_gates(self) -> None:
        for task_id in sorted(self.graph.gates.keys() - self.wanted.gates.keys()):
            remove_gate(self.graph, task_id)

    def _add_gates(self) -> None:
        for clone in self.clones:
            task_id = clone.operator.task_id
            if (checks := self.wanted.gates.get(task_id)) is not None:
                gate = self.graph.gates.get(task_id) or self._make_gate(clone)
                task_graph.move(gate, self._group_of(clone))
                gate.checks = [self._check(check) for check in checks]
                if clone.spec.batches is not None:
                    clone.spec.batches.checks = gate.checks
                    clone.spec.batches.gate_id = gate.task_id
                    gates_own = self.graph.clones[gate.task_id].spec.batches
                    assert gates_own is not None
                    gates_own.checks = gate.checks

    def _set_edges(self) -> None:
        """Set the wanted edges. Remove those that are not wanted any more, and those that are cut.

        An edge that the author also asked for belongs to the author. It is removed only if it is cut, and
        then a gate keeps the order.
        """
        wanted = self._wanted_edges()
        for task_id, up in sorted((self.graph.own_edges - wanted) | self.wanted.cut):
            self.graph.own_edges.discard((task_id, up))
            task_graph.remove_edge(self.graph.task(up), self.graph.task(task_id))
        for task_id, up in sorted(wanted):
            task, upstream = self.graph.task(task_id), self.graph.task(up)
            if up not in task.upstream_task_ids:
                self.graph.own_edges.add((task_id, up))
                task_graph.add_edge(upstream, task)

    def _wanted_edges(self) -> set[tuple[str, str]]:
        wanted = set(self.wanted.edges)
        for task_id in self.wanted.gates:
            wanted |= self._edges_of_gate(task_id)
        wanted |= {(task_id, self._keys_of(task_id)) for task_id in self.wanted.starts}
        for task_id, below in self._needing_all_keys():
            wanted |= {(below, up) for up in self._failing_if_stopped(task_id)}
        return wanted

    def _needing_all_keys(self) -> list[tuple[str, str]]:
        """Return pairs of a batched task and a task that needs all of its keys."""
        batched = {
            task_id for task_id, before in self.wanted.behind.items() if before
        } | self.wanted.undecided
        collectors = [(up, task_id) for task_id, up in sorted(self.graph.collects_all) if up in batched]
        for up, task_id in collectors:
            # A skipped key of a task before is left out, as a skipped key of the collected task is.
            self.graph.collector_of(task_id).collected_ids |= self._failing_if_stopped(up)
        return collectors + [
            (task_id, below)
            for task_id in sorted(batched)
            for below in sorted(self.graph.task(task_id).downstream_task_ids)
            if self.graph.task(below).trigger_rule in _ABOUT_FAILURES
            and below not in self._failing_if_stopped(task_id)
        ]

    def _failing_if_stopped(self, task_id: str) -> Set[str]:
        """Return the tasks one of which fails if a key of a batched task was stopped."""
        if task_id in self.wanted.undecided:
            return {self.graph.ensure_check_after(self.graph.task(task_id)).task_id}
        return self.wanted.behind[task_id]

    def _edges_of_gate(self, task_id: str) -> set[tuple[str, str]]:
        # Imported here, because most Dags have no gates.
        from airflow_dynamic_provider.authoring.arranging.gating import waits_for

        gate_id = self.graph.gates[task_id].task_id
        waited_for = {up for check in self.wanted.gates[task_id] for up in waits_for(check)}
        return {(task_id, gate_id)} | {(gate_id, up) for up in {self._keys_of(task_id), *waited_for}}

    def _keys_of(self, task_id: str) -> str:
        """Return the task that lists a clone's keys. A clone without other upstream tasks waits for it."""
        return str(self.graph.clones[task_id].ensure_expanded_task().task_id)

    def _remove_empty_groups(self) -> None:
        for space in {clone.space for clone in self.clones}:
            for place, group in list(space.segments.items()):
                if not group.children:
                    task_graph.remove_group(space.segments.pop(place))

    def _group_of(self, clone: ClonedTask) -> Any:
        """Return the mapped group of a clone's segment; create it for the first clone."""
        segment: Segment = self.wanted.segment_of[clone.operator.task_id]
        space, level, place = clone.space, segment.level, (segment.cut, segment.level)
        if place not in space.segments:
            name = space.name if level == 0 else f"{space.name}_{level + 1}"
            prefix, doc = ("each", "key") if clone.cut is None else ("batches", "batch")
            space.segments[place] = task_graph.make_mapped_group(
                task_graph.free_group_id(self.graph.dag, f"{prefix}_{name}"),
                space.home,
                clone.ensure_expanded_task(),
                f"each {doc} of {name}",
                f"One task instance per {doc} of {space.name}"
                + (", after a task that needs all keys" if level else ""),
            )
        return space.segments[place]

    def _make_gate(self, clone: ClonedTask) -> Any:
        task = clone.operator
        gate = self.graph.make_at_root(
            _kind_of_gate(clone),
            self.graph.free_id(f"{task.task_id}__gate"),
            task_display_name=f"{task.task_id}: gate of each key",
            doc_md=f"Waits for all clones that `{task.task_id}` needs from other mapped groups, then "
            "decides for each key whether it continues.",
            # A gate takes a worker briefly, as one more task of the map.
            max_active_tis_per_dagrun=task.max_active_tis_per_dagrun,
        )
        add_gate(gate, clone)
        return gate

    def _check(self, check: Check) -> gates.Check:
        """Return a check of a gate in the form that its process needs."""
        from airflow_dynamic_provider.authoring.arranging.gating import AllBelow, OneKey
        from airflow_dynamic_provider.execution.gates import Below, SameKey

        if isinstance(check, OneKey):
            return SameKey(self.graph.clones[check.task_id].spec, check.way.base, check.way.via)
        if isinstance(check, AllBelow):
            return Below(ResultSource(self.graph.clones[check.task_id].spec, ""), tolerates_failures=False)
        return Below(check.of.source, tolerates_failures=check.tolerates_failures)
