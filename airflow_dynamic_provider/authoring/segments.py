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
from airflow_dynamic_provider.authoring.levels import Dependencies, Levels, UnsettledUnitError, find_levels
from airflow_dynamic_provider.errors import MapFunctionError

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.key_space import DagGraph, KeySpace


def arrange(graph: DagGraph) -> None:
    """Put every cloned task into the mapped group of its level, and set the edges between clones.

    Raises:
        MapFunctionError: A ``@task_group`` holds both what is collected and what needs the collection.
    """
    spaces = [space for space in graph.spaces if space.specs]
    levels = _find_levels(graph, spaces)
    arrangements = [_Arrangement(space, levels) for space in spaces]
    for arrangement in arrangements:
        arrangement.move_tasks()
    for arrangement in arrangements:
        arrangement.set_edges()


def _find_levels(graph: DagGraph, spaces: list[KeySpace]) -> Levels:
    upstream = {task.task_id: set(task.upstream_task_ids) for task in graph.dag.tasks}
    for space in spaces:
        for task_id, upstream_id in space.uses | space.collects:
            upstream[task_id].add(upstream_id)
    dependencies = Dependencies(
        upstream=upstream,
        space_of={task_id: index for index, space in enumerate(spaces) for task_id in space.specs},
        unit_of={task_id: unit for space in spaces for task_id, unit in space.unit_of.items()},
        collects={pair for space in spaces for pair in space.collects},
    )
    try:
        return find_levels(dependencies)
    except UnsettledUnitError as error:
        space = spaces[dependencies.space_of[error.task_id]]  # type: ignore[call-overload]
        raise MapFunctionError(
            f"the task {error.task_id!r}, mapped over it, depends on a collection of its own task group",
            task_id=space.producer.task_id,
            output_name=space.output,
            remedy="Split the @task_group: what is collected apart from what needs the collection.",
        ) from error


class _Arrangement:
    """The tasks of one key space, with the dependencies as they are now."""

    def __init__(self, space: KeySpace, levels: Levels) -> None:
        self.space = space
        self.dag = space.graph.dag
        self.levels = levels
        self.tasks = {task_id: airflow_graph.get_task(self.dag, task_id) for task_id in space.specs}
        self.collected = _by_first(space.collects, self.tasks)
        self.used = _by_first(space.uses, self.tasks)
        self.ordered = {
            task_id: {
                up
                for up in task.upstream_task_ids
                if up in self.tasks and (task_id, up) not in space.collects | space.arranged
            }
            for task_id, task in self.tasks.items()
        }

    def move_tasks(self) -> None:
        level_of = {unit: self.levels[task_id] for task_id, unit in self.space.unit_of.items()}
        for unit, nodes in self.space.units.items():
            for node in nodes:
                airflow_graph.move(node, self._segment(level_of[unit], node))

    def set_edges(self) -> None:
        same_key = {
            (task_id, upstream_id)
            for task_id in self.tasks
            for upstream_id in (self.used[task_id] | self.ordered[task_id]) - self.collected[task_id]
        }
        between = {pair for pair in same_key if not self._is_peer(*pair)}
        for task_id, upstream_id in sorted(same_key - between):
            self._arrange_edge(self.tasks[upstream_id], self.tasks[task_id])
        # After the others, for what a task waits for through them needs no gate.
        for task_id, upstream_id in sorted(between):
            self._set_edge_between_levels(upstream_id, self.tasks[task_id])
        for task_id, task in self.tasks.items():
            self._note_run_time_facts(task_id)
            if not any(self._is_peer(up, task_id) for up in task.upstream_task_ids):
                airflow_graph.add_edge(self.space.expanded_task, task)

    def _arrange_edge(self, upstream: Any, task: Any) -> None:
        if upstream.task_id not in task.upstream_task_ids:
            # Noted, for an edge that is not the author's may go again when a task moves to another level.
            self.space.arranged.add((task.task_id, upstream.task_id))
            airflow_graph.add_edge(upstream, task)

    def _is_peer(self, one: str, other: str) -> bool:
        return one in self.tasks and self.levels[one] == self.levels[other]

    def _set_edge_between_levels(self, upstream_id: str, task: Any) -> None:
        airflow_graph.remove_edge(self.tasks[upstream_id], task)
        is_data_only = upstream_id not in self.ordered[task.task_id]
        if not (is_data_only and self._waits_through_outside(task.task_id, upstream_id)):
            airflow_graph.add_edge(self._gate(upstream_id, task), task)

    def _note_run_time_facts(self, task_id: str) -> None:
        same_level = {up for up in self.tasks if self._is_peer(up, task_id)}
        collector = self.space.graph.collector_of(task_id)
        collector.same_key_ids = same_level
        rule = self.tasks[task_id].trigger_rule
        self.space.specs[task_id].needs_success = collector.is_relaxed or rule == TriggerRule.ALL_SUCCESS

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
                self._surrounding_group(unit),
                self.space.expanded_task,
                f"One clone per key of {name}" + (", after a task that needs all keys" if level else ""),
            )
        return self.space.segments[level]

    def _surrounding_group(self, unit: Any) -> Any:
        # A unit that is on its way to another level is in a mapped group now, and mapped groups do not nest.
        group = airflow_graph.group_of(unit)
        is_segment = group.group_id in {segment.group_id for segment in self.space.segments.values()}
        return airflow_graph.group_of(group) if is_segment else group

    def _gate(self, upstream_id: str, task: Any) -> Any:
        from airflow_dynamic_provider.authoring.cloning import make_clone
        from airflow_dynamic_provider.execution.helpers import KeyGateOperator

        upstream = self.tasks[upstream_id]
        gate_id = f"{task.task_id}__after__{upstream.label}"
        if gate_id in self.space.specs:
            return airflow_graph.get_task(self.dag, gate_id)
        gate = KeyGateOperator(
            task_id=gate_id,
            upstream_id=upstream_id,
            doc_md=f"Waits for all clones of `{upstream_id}`, then ends as the clone of its own key did.",
            dag=self.dag,
        )
        airflow_graph.add_edge(upstream, gate)
        make_clone(gate, self.space)
        self.space.collects.add((gate_id, upstream_id))
        # Wherever the task goes, its gate goes too.
        unit = self.space.unit_of[gate_id] = self.space.unit_of[task.task_id]
        self.space.units[unit].append(gate)
        airflow_graph.move(gate, self._segment(self.levels[task.task_id], gate))
        airflow_graph.add_edge(self.space.expanded_task, gate)
        return gate


def _by_first(pairs: set[tuple[str, str]], tasks: dict[str, Any]) -> dict[str, set[str]]:
    grouped: dict[str, set[str]] = {task_id: set() for task_id in tasks}
    for task_id, upstream_id in pairs:
        if task_id in grouped:
            grouped[task_id].add(upstream_id)
    return grouped
