"""Arranges cloned tasks into mapped task groups, so that Airflow runs them key by key.

Inside one mapped group, Airflow lets a clone wait for its own key's upstream clones only. So all tasks of a
key space belong into one group, with one exception: a task that depends on something *outside* that in turn
depends on a task inside (a total of all keys, say) cannot be in the same group, for the group would then
depend on itself, and Airflow's UI answers such a Dag with an error. Each time a dependency leaves the key
space and comes back, a new group begins: the level of a task is the number of times that happened.

Between groups, Airflow knows only "all clones of that task". Three cases follow for a task that uses a value
of its key from a lower level: the way through the outside already waits for it, and nothing is needed; the
task collects all its keys, and the edge says just that; or a gate is put before it, a clone that waits for
all and then passes on what became of its own key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from airflow_dynamic_provider.authoring import airflow_graph
from airflow_dynamic_provider.errors import MapFunctionError

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.key_space import DagGraph, KeySpace

_Levels = dict[str, int]


def arrange(graph: DagGraph) -> None:
    """Put every cloned task into the mapped group of its level, and set the edges between clones."""
    for space in graph.spaces:
        if space.specs:
            arrangement = _Arrangement(space)
            arrangement.move_tasks()
            arrangement.set_edges()


class _Arrangement:
    """One pass over the tasks of a key space, with the dependencies as they are now."""

    def __init__(self, space: KeySpace) -> None:
        self.space = space
        self.dag = space.graph.dag
        self.tasks = {task_id: airflow_graph.get_task(self.dag, task_id) for task_id in space.specs}
        self.collected = _by_first(space.collects, self.tasks)
        self.used = _by_first(space.uses, self.tasks)
        self.ordered = {
            task_id: {up for up in task.upstream_task_ids if up in self.tasks} - self.collected[task_id]
            for task_id, task in self.tasks.items()
        }
        self.levels = self._find_levels()

    def move_tasks(self) -> None:
        for unit_id, unit in self.space.units.items():
            task_id = next(task for task, found in self.space.unit_of.items() if found == unit_id)
            airflow_graph.move(unit, self._segment(self.levels[task_id], unit))

    def set_edges(self) -> None:
        for task_id, task in self.tasks.items():
            same_key = self.used[task_id] | self.ordered[task_id]
            for upstream_id in sorted(same_key - self.collected[task_id]):
                if self.levels[upstream_id] == self.levels[task_id]:
                    airflow_graph.add_edge(self.tasks[upstream_id], task)
                else:
                    self._set_edge_between_levels(upstream_id, task)
            self._note_run_time_facts(task_id)
            if not any(self.levels.get(up) == self.levels[task_id] for up in task.upstream_task_ids):
                airflow_graph.add_edge(self.space.expanded_task, task)

    def _set_edge_between_levels(self, upstream_id: str, task: Any) -> None:
        airflow_graph.remove_edge(self.tasks[upstream_id], task)
        is_data_only = upstream_id not in self.ordered[task.task_id]
        if not (is_data_only and self._waits_through_outside(task.task_id, upstream_id)):
            airflow_graph.add_edge(self._gate(upstream_id, task), task)

    def _note_run_time_facts(self, task_id: str) -> None:
        same_level = {up for up in self.tasks if self.levels[up] == self.levels[task_id]}
        collector = self.space.graph.collector_of(task_id)
        collector.same_key_ids = same_level
        rule = self.tasks[task_id].trigger_rule
        self.space.specs[task_id].needs_success = collector.is_relaxed or rule == TriggerRule.ALL_SUCCESS

    def _find_levels(self) -> _Levels:
        levels = dict.fromkeys(self.tasks, 0)
        # Each round settles at least one level more; a dependency of a task on itself never settles.
        for _ in range(len(self.tasks) + 1):
            outside: _Levels = {}
            found = {task_id: self._level(task_id, levels, outside) for task_id in self.tasks}
            by_unit: _Levels = {}
            for task_id, unit_id in self.space.unit_of.items():
                by_unit[unit_id] = max(by_unit.get(unit_id, 0), found[task_id])
            found = {task_id: by_unit[self.space.unit_of[task_id]] for task_id in self.tasks}
            if found == levels:
                return levels
            levels = found
        raise MapFunctionError(
            "a task that is mapped over it depends on a collection of its own task group",
            task_id=self.space.producer.task_id,
            output_name=self.space.output,
            remedy="Split the @task_group: what is collected apart from what needs the collection.",
        )

    def _level(self, task_id: str, levels: _Levels, outside: _Levels) -> int:
        inside = [levels[up] for up in self.used[task_id] | self.ordered[task_id]]
        collected = [levels[up] + 1 for up in self.collected[task_id]]
        returning = [
            self._outside_level(up, levels, outside) + 1
            for up in self.tasks[task_id].upstream_task_ids
            if up not in self.tasks
        ]
        return max([0, *inside, *collected, *returning])

    def _outside_level(self, task_id: str, levels: _Levels, known: _Levels) -> int:
        """The highest level among the clones that a task outside depends on, -1 if on none."""
        if task_id not in known:
            known[task_id] = max(
                (
                    levels[up] if up in levels else self._outside_level(up, levels, known)
                    for up in airflow_graph.get_task(self.dag, task_id).upstream_task_ids
                ),
                default=-1,
            )
        return known[task_id]

    def _waits_through_outside(self, task_id: str, upstream_id: str) -> bool:
        """Whether some path from one clone to another leaves the key space, or goes through a collection."""
        todo, seen = [(task_id, False)], set()
        while todo:
            here, is_outside = todo.pop()
            if (here, is_outside) in seen:
                continue
            seen.add((here, is_outside))
            for up in airflow_graph.get_task(self.dag, here).upstream_task_ids:
                left = is_outside or up not in self.tasks or up in self.collected.get(here, ())
                if up == upstream_id and left:
                    return True
                todo.append((up, left))
        return False

    def _segment(self, level: int, unit: Any) -> Any:
        if level not in self.space.segments:
            producer = self.space.producer
            name = producer.label if self.space.is_only_output else f"{producer.label}_{self.space.output}"
            self.space.segments[level] = airflow_graph.make_mapped_group(
                f"each_{name}" if level == 0 else f"each_{name}_{level + 1}",
                airflow_graph.group_of(unit),
                self.space.expanded_task,
                f"One clone per key of {producer.task_id}.{self.space.output}",
            )
        return self.space.segments[level]

    def _gate(self, upstream_id: str, task: Any) -> Any:
        from airflow_dynamic_provider.authoring.cloning import make_clone
        from airflow_dynamic_provider.execution.operators import KeyGateOperator

        upstream = self.tasks[upstream_id]
        gate_id = f"{task.task_id}__after__{upstream.label}"
        if gate_id in self.space.specs:
            return airflow_graph.get_task(self.dag, gate_id)
        gate = KeyGateOperator(task_id=gate_id, upstream_id=upstream_id, dag=self.dag)
        airflow_graph.add_edge(upstream, gate)
        make_clone(gate, self.space)
        self.space.collects.add((gate_id, upstream_id))
        self.space.units[gate_id] = gate
        self.space.unit_of[gate_id] = gate_id
        airflow_graph.move(gate, self._segment(self.levels[task.task_id], gate))
        airflow_graph.add_edge(self.space.expanded_task, gate)
        return gate


def _by_first(pairs: set[tuple[str, str]], tasks: dict[str, Any]) -> dict[str, set[str]]:
    grouped: dict[str, set[str]] = {task_id: set() for task_id in tasks}
    for task_id, upstream_id in pairs:
        if task_id in grouped:
            grouped[task_id].add(upstream_id)
    return grouped
