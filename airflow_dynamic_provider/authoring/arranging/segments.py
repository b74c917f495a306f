"""Arranges cloned tasks into mapped task groups, so that Airflow runs them key by key.

Inside one mapped group, Airflow lets a clone wait for its own key's upstream clones only. So all tasks of a
key space belong into one group, with one exception: a task that depends on something *outside* that in turn
depends on a task inside (a total of all keys, say) cannot be in the same group, because the group would then
depend on itself, and Airflow's UI answers such a Dag with an error. Each time a dependency leaves the key
space and comes back, a new group begins: the level of a task is the number of times that happened.

Between groups, Airflow knows only "all clones of that task". So a task that needs its own key's value from
another group (a lower level, an outer key, a side of a joined key space), or the keys below its own, gets a
gate before it: a clone that waits for all and then passes on what became of those that matter to its key.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from airflow_dynamic_provider.airflow_adapter import task_graph
from airflow_dynamic_provider.authoring.arranging.cloning import add_gate
from airflow_dynamic_provider.authoring.arranging.gating import find_checks, is_gate
from airflow_dynamic_provider.authoring.arranging.levels import (
    Dependencies,
    Levels,
    UnsettledUnitError,
    find_levels,
)
from airflow_dynamic_provider.authoring.arranging.ordering import decide_as_collectors, meet
from airflow_dynamic_provider.definitions.states import FAILURES, WITHOUT_RESULT
from airflow_dynamic_provider.execution.documents import TaskDocument, declared_outputs, write_document

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.model.dag_graph import ClonedTask, DagGraph


# Trigger rule -> the states of upstream clones under which a clone never runs.
_STOPPED_BY = {
    TriggerRule.ALL_SUCCESS: WITHOUT_RESULT,
    TriggerRule.NONE_FAILED: FAILURES,
}


def arrange(graph: DagGraph) -> None:
    """Put every cloned task into the mapped group of its level, and set the edges between clones."""
    decide_as_collectors(graph)
    _note_orders(graph)
    levels = _find_levels(graph)
    arrangement = _Arrangement(graph, levels)
    arrangement.move_units()
    arrangement.set_edges()


def _note_orders(graph: DagGraph) -> None:
    """Take note of the edges between clones that are there because the author wrote ``>>``."""
    gates = {gate_id for gate_id, clone in graph.clones.items() if is_gate(clone.operator)}
    for task_id, clone in graph.clones.items():
        for upstream_id in clone.operator.upstream_task_ids & graph.clones.keys() - gates:
            pair = (task_id, upstream_id)
            if task_id not in gates and pair not in graph.collects_all | graph.own_edges:
                graph.orders.add(pair)


def _find_levels(graph: DagGraph) -> Levels:
    try:
        return find_levels(_dependencies(graph))
    except UnsettledUnitError:
        _dissolve_groups(graph)
        return find_levels(_dependencies(graph))


def _dependencies(graph: DagGraph) -> Dependencies:
    upstream = {task.task_id: set(task.upstream_task_ids) for task in graph.dag.tasks}
    below = {
        (task_id, upstream_id)
        for task_id, specs in graph.collects_below.items()
        for spec in specs
        for upstream_id in spec.task_ids
    }
    for task_id, upstream_id in graph.uses.keys() | graph.orders | graph.collects_all | below:
        upstream[task_id].add(upstream_id)
    gated = {
        (task_id, upstream_id)
        for task_id, clone in graph.clones.items()
        if is_gate(clone.operator)
        for upstream_id in clone.operator.upstream_task_ids
    }
    return Dependencies(
        upstream=upstream,
        space_of={task_id: clone.space for task_id, clone in graph.clones.items()},
        unit_of={task_id: clone.unit for task_id, clone in graph.clones.items()},
        collects=graph.collects_all | below | gated,
    )


def _dissolve_groups(graph: DagGraph) -> None:
    """Take apart the author's groups whose tasks cannot be in one mapped group.

    Such a group holds both what is collected and what needs the collection. Its tasks keep their ids.
    """
    whole = _dependencies(graph)
    free = find_levels(replace(whole, unit_of={task_id: task_id for task_id in whole.unit_of}))
    levels: dict[str, set[int]] = {}
    for task_id, clone in graph.clones.items():
        if not is_gate(clone.operator):
            levels.setdefault(clone.unit, set()).add(free[task_id])
    for unit in [unit for unit, found in levels.items() if len(found) > 1]:
        group, *gates = graph.units.pop(unit)
        for task_id, clone in list(graph.clones.items()):
            if clone.unit == unit and clone.operator not in gates:
                own_gate = [gate] if (gate := graph.gates.get(task_id)) is not None else []
                graph.units[task_id] = [clone.operator, *own_gate]
                for each in graph.units[task_id]:
                    graph.clones[each.task_id] = replace(graph.clones[each.task_id], unit=task_id)
                task_graph.move(clone.operator, clone.space.home)
        task_graph.remove_group(group)


class _Arrangement:
    """The cloned tasks of a Dag, with the dependencies as they are now."""

    def __init__(self, graph: DagGraph, levels: Levels) -> None:
        self.graph = graph
        self.levels = levels
        self.needs = self._same_key_needs()

    def move_units(self) -> None:
        for task_id, clone in list(self.graph.clones.items()):
            for node in self.graph.units[clone.unit]:
                task_graph.move(node, self._segment(clone, self.levels[task_id]))

    def set_edges(self) -> None:
        clones = [clone for clone in self.graph.clones.values() if not is_gate(clone.operator)]
        crossing: dict[str, set[str]] = {}
        for clone in clones:
            task_id = clone.operator.task_id
            peers = {up for up in self.needs[task_id] if self._is_peer(up, task_id)}
            crossing[task_id] = self.needs[task_id] - peers
            for upstream_id in sorted(peers):
                self.graph.add_own_edge(self.graph.task(upstream_id), clone.operator)
        # After the others, because what a task waits for through them needs no gate.
        for clone in clones:
            self._set_gate(clone, crossing[clone.operator.task_id])
        together: dict[Any, set[str]] = {}
        for task_id, clone in self.graph.clones.items():
            together.setdefault((clone.space, self.levels[task_id]), set()).add(task_id)
        for task_id, clone in self.graph.clones.items():
            peers = together[clone.space, self.levels[task_id]]
            self._begin_with_keys(clone, peers)
            self._note_run_time_facts(clone, peers)

    def _same_key_needs(self) -> dict[str, set[str]]:
        """Task -> the tasks of which it needs the clones that matter to its own key."""
        needs: dict[str, set[str]] = {task_id: set() for task_id in self.graph.clones}
        for task_id, upstream_id in self.graph.uses.keys() | self.graph.orders:
            if task_id in needs and meet(self.graph.clones[task_id], self.graph.clones[upstream_id]):
                needs[task_id].add(upstream_id)
        for task_id, upstream_id in self.graph.collects_all:
            if task_id in needs:
                needs[task_id].discard(upstream_id)
        return needs

    def _is_peer(self, one: str, other: str) -> bool:
        clones = self.graph.clones
        return (
            one in clones
            and other in clones
            and clones[one].space is clones[other].space
            and self.levels[one] == self.levels[other]
        )

    def _set_gate(self, clone: ClonedTask, crossing: set[str]) -> None:
        task = clone.operator
        for upstream_id in crossing:
            self.graph.own_edges.discard((task.task_id, upstream_id))
            task_graph.remove_edge(self.graph.task(upstream_id), task)
        checks = find_checks(self.graph, clone, crossing)
        if not checks:
            return
        gate = self._gate(clone)
        gate.checks = checks
        for upstream_id in sorted({upstream_id for check in checks for upstream_id in check.upstream_ids}):
            task_graph.add_edge(self.graph.task(upstream_id), gate)
        self.graph.add_own_edge(gate, task)

    def _begin_with_keys(self, clone: ClonedTask, peers: set[str]) -> None:
        task = clone.operator
        if not task.upstream_task_ids & peers:
            self.graph.add_own_edge(clone.space.expanded_task, task)

    def _note_run_time_facts(self, clone: ClonedTask, peers: set[str]) -> None:
        task = clone.operator
        collector = self.graph.collector_of(task.task_id)
        collector.same_key_ids = peers
        spec = clone.spec
        spec.needs_success = collector.is_relaxed or task.trigger_rule == TriggerRule.ALL_SUCCESS
        spec.stopped_by = _STOPPED_BY.get(task.trigger_rule, frozenset())
        spec.same_key = [self.graph.clones[up].spec for up in sorted(task.upstream_task_ids & peers)]
        spec.other_upstream = sorted(task.upstream_task_ids - peers)
        task.doc_json = write_document(task.doc_json, self._document(clone, peers))

    def _document(self, clone: ClonedTask, peers: set[str]) -> TaskDocument:
        task = clone.operator
        checks = task.checks if is_gate(task) else ()
        looked_at = {task_id for check in checks for task_id in check.task_ids}
        return TaskDocument(
            outputs=declared_outputs(getattr(task, "declarations", {})),
            clone_of=clone.space.spec,
            same_key=tuple(sorted(task.upstream_task_ids & (peers | looked_at))),
            needs_success=clone.spec.needs_success,
            is_helper=is_gate(task),
        )

    def _segment(self, clone: ClonedTask, level: int) -> Any:
        space = clone.space
        if level not in space.segments:
            name = space.name if level == 0 else f"{space.name}_{level + 1}"
            space.segments[level] = task_graph.make_mapped_group(
                task_graph.free_group_id(self.graph.dag, f"each_{name}"),
                space.home,
                space.expanded_task,
                f"One clone per key of {space.name}"
                + (", after a task that needs all keys" if level else ""),
            )
        return space.segments[level]

    def _gate(self, clone: ClonedTask) -> Any:
        from airflow_dynamic_provider.execution.gates import GateOperator

        task = clone.operator
        if task.task_id not in self.graph.gates:
            gate = self.graph.make_at_root(
                GateOperator,
                self.graph.free_id(f"{task.task_id}__gate"),
                doc_md=f"Waits for all clones that `{task.task_id}` needs from other mapped groups, then "
                "lets each key go on by what became of its own.",
                # It takes a worker for a moment, as one more task of the map.
                max_active_tis_per_dagrun=task.max_active_tis_per_dagrun,
            )
            self.graph.gates[task.task_id] = gate
            add_gate(gate, clone)
            self.levels[gate.task_id] = self.levels[task.task_id]
            task_graph.move(gate, self._segment(clone, self.levels[task.task_id]))
        return self.graph.gates[task.task_id]
