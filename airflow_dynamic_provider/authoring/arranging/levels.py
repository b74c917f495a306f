"""Finds the level of every cloned task: how often a dependency left its key space and came back.

Tasks of one key space and one level can share a mapped task group without that group depending on itself.
Pure functions over a graph of names; nothing here depends on Airflow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.records import Record

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Set

Levels = dict[str, int]


class Dependencies(Record):
    """The dependencies between the tasks of a Dag.

    Attributes:
        upstream: Task -> the tasks that it depends on, for every task.
        space_of: Cloned task -> its key space.
        unit_of: Cloned task -> its unit: itself, or a group that only moves as a whole.
        collects: (task, upstream task) pairs in one key space: the first needs all keys of the second.
    """

    upstream: Mapping[str, Set[str]]
    space_of: Mapping[str, Hashable]
    unit_of: Mapping[str, str]
    collects: Set[tuple[str, str]]


class UnsettledUnitError(Exception):
    """No levels fit, because a unit depends on all of its own keys.

    Args:
        task_id: A task of the unit.
    """

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id)
        self.task_id = task_id


def find_levels(dependencies: Dependencies) -> Levels:
    """Return cloned task -> level.

    A key space counts only dependencies that leave the space itself, because this makes the fewest groups. If
    two key spaces depend on each other in both directions, their groups could then form a cycle. In such a
    Dag, each space also counts the levels of the others.

    Raises:
        UnsettledUnitError: No levels fit.
    """
    levels = _settle(dependencies, counts_others=False)
    # The groups of a single space are ordered by their levels.
    if len(set(dependencies.space_of.values())) < 2 or _is_acyclic(dependencies, levels):
        return levels
    return _settle(dependencies, counts_others=True)


def _settle(dependencies: Dependencies, *, counts_others: bool) -> Levels:
    levels: Levels = dict.fromkeys(dependencies.space_of, 0)
    # Levels only rise, and a chain of all tasks has no more levels than tasks. A higher level is in a cycle.
    for _ in range(len(levels) + 1):
        round_ = _Round(dependencies, levels, counts_others)
        found = {task: round_.level(task) for task in levels}
        by_unit: dict[str, int] = {}
        for task, unit in dependencies.unit_of.items():
            by_unit[unit] = max(by_unit.get(unit, 0), found[task])
        settled, levels = levels, {task: by_unit[dependencies.unit_of[task]] for task in levels}
        if settled == levels:
            return levels
    raise UnsettledUnitError(max(levels, key=levels.__getitem__))


class _Round:
    """One round of raising levels, which starts from those of the round before."""

    def __init__(self, dependencies: Dependencies, levels: Levels, counts_others: bool) -> None:
        self.dependencies = dependencies
        self.levels = levels
        self.counts_others = counts_others
        self.reached: dict[tuple[str, Hashable], int] = {}

    def level(self, task: str) -> int:
        space = self.dependencies.space_of[task]
        level = 0
        for upstream in self.dependencies.upstream[task]:
            if self.dependencies.space_of.get(upstream) == space:
                needs_all = (task, upstream) in self.dependencies.collects
                level = max(level, self.levels[upstream] + needs_all)
            else:
                level = max(level, self.highest_above(upstream, space) + 1)
        return level

    def highest_above(self, task: str, space: Hashable) -> int:
        """Return the highest level that a task outside ``space`` depends on, -1 if there is none."""
        # No recursive calls, because a chain of tasks may be longer than Python's recursion limit.
        todo, begun = [task], set()
        while todo:
            here = todo[-1]
            begun.add(here)
            # In a cycle, which Airflow refuses when the Dag is complete, each task is visited once.
            above = self._above(here, space) - begun
            unknown = [up for up in above if not self._knows(up, space)]
            if unknown:
                todo += unknown
                continue
            todo.pop()
            self.reached[here, space] = self._level_at(here, space)
        return self.reached[task, space]

    def _is_counted(self, task: str, space: Hashable) -> bool:
        return task in self.levels and (self.counts_others or self.dependencies.space_of[task] == space)

    def _knows(self, task: str, space: Hashable) -> bool:
        return (task, space) in self.reached

    def _above(self, task: str, space: Hashable) -> Set[str]:
        known = self._is_counted(task, space) or self._knows(task, space)
        return frozenset() if known else self.dependencies.upstream[task]

    def _level_at(self, task: str, space: Hashable) -> int:
        if self._is_counted(task, space):
            return self.levels[task]
        above = (self.reached.get((up, space), -1) for up in self.dependencies.upstream[task])
        return max(above, default=-1)


def _is_acyclic(dependencies: Dependencies, levels: Levels) -> bool:
    """Return whether the graph has no cycles when each group of tasks becomes one node."""
    # Imported here, because most Dag files map over one key space.
    from graphlib import CycleError, TopologicalSorter

    def node(task: str) -> Hashable:
        return (dependencies.space_of[task], levels[task]) if task in levels else task

    sorter: TopologicalSorter[Hashable] = TopologicalSorter()
    for task, upstream in dependencies.upstream.items():
        sorter.add(node(task), *(node(up) for up in upstream if node(up) != node(task)))
    try:
        sorter.prepare()
    except CycleError:
        return False
    return True
