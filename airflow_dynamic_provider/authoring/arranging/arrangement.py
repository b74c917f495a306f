"""Decides how the cloned tasks of a Dag are arranged in mapped task groups. Pure functions of `Notes`.

Inside one mapped group, a clone waits only for the upstream clones of its own key. So all tasks of a key
space should be in one group. The exception is a task that depends on a task *outside* the group that in turn
depends on a task inside, such as a total of all keys. With that task, the group would depend on itself, and
Airflow's UI shows an error for such a Dag. So a new group begins each time a dependency leaves the key space
and comes back. The *level* of a task is the number of times that this happened. The tasks of one key space
and one level are a *segment*, and each segment becomes a mapped group.

Between groups, Airflow can only wait for all clones of a task. So a task gets a gate if it needs the value of
its own key from another group (a lower level, an outer key, a side of a joined key space), or values of the
keys below its own. The gate is a clone that waits for all, and then passes on the states that matter to its
key.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from airflow_dynamic_provider.authoring.arranging.levels import Dependencies, UnsettledUnitError, find_levels
from airflow_dynamic_provider.authoring.model.notes import are_related
from airflow_dynamic_provider.definitions.records import Record, field, replace
from airflow_dynamic_provider.execution.spaces import NestedSpace, space_in_common

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from airflow_dynamic_provider.authoring.arranging.gating import Check
    from airflow_dynamic_provider.authoring.arranging.levels import Levels
    from airflow_dynamic_provider.authoring.model.notes import Notes, Pair
    from airflow_dynamic_provider.execution.spaces import Cut, Space


class Segment(Record):
    """The tasks that share a mapped group.

    Attributes:
        space: Their key space.
        level: The number of times that a dependency left the key space and came back before them.
        cut: The division of the keys into batches; ``None`` if each key has a task instance of its own.
    """

    space: Space
    level: int
    cut: Cut | None = None


class Arrangement(Record):
    """The segments of the cloned tasks, and what the tasks wait for. Pairs are (task, upstream task).

    Attributes:
        segment_of: Cloned task -> its segment.
        dissolved: The author's groups that must be taken apart, because their tasks are on several levels.
        edges: Pairs in one segment: the first waits for the second's clone for its own key.
        cut: Pairs in two segments. They must not have an edge in Airflow, because the first task would wait
            for all keys.
        gates: Cloned task -> the checks of the gate before it. The gate is in the task's segment.
        starts: The cloned tasks without an upstream task in their segment, not even a gate. They wait for
            the list of keys; so does every gate.
        behind: Batched task -> the cloned tasks that stop one of its keys whenever a clone of theirs fails. A
            batch succeeds although keys failed in the batches before it, so a task that needs all of its
            keys waits for all of these too.
        undecided: The batched tasks with an upstream clone that may matter to none of their keys. Only the
            records of their own keys show whether a key was stopped.
    """

    segment_of: Mapping[str, Segment]
    dissolved: Set[str]
    edges: Set[Pair]
    cut: Set[Pair]
    gates: Mapping[str, tuple[Check, ...]]
    starts: Set[str]
    behind: Mapping[str, Set[str]] = field(default_factory=dict)
    undecided: Set[str] = frozenset()


def find_arrangement(notes: Notes) -> Arrangement:
    """Return the arrangement of the cloned tasks of a Dag. It depends on the notes alone.

    Args:
        notes: The facts about the Dag, without what an earlier arrangement added to it.

    Raises:
        UnsettledUnitError: A task needs its own values of all keys. Airflow refuses such a cyclic Dag.
    """
    levels, dissolved = _find_levels(notes)
    segment_of = {
        task: Segment(space, levels[task], notes.cut_of.get(task)) for task, space in notes.space_of.items()
    }
    needs = _same_key_needs(notes)
    # A batch runs although keys failed in the batch before it, so it always has a gate.
    edges = frozenset(
        pair for pair in needs if segment_of[pair[0]] == segment_of[pair[1]] and pair[0] not in notes.cut_of
    )
    cut = needs - edges
    gates: Mapping[str, tuple[Check, ...]] = {}
    if cut or notes.gathers:
        # Imported here, because most Dags have one mapped group for each key space, and no gates.
        from airflow_dynamic_provider.authoring.arranging.gating import find_gates

        gates = find_gates(notes, edges, cut)
    stoppers = {task: _stoppers(notes, needs, task) for task in notes.cut_of}
    return Arrangement(
        segment_of=segment_of,
        dissolved=dissolved,
        edges=edges,
        cut=cut,
        gates=gates,
        starts=segment_of.keys() - gates.keys() - {task for task, _ in edges},
        behind={task: found for task, found in stoppers.items() if found is not None},
        undecided={task for task, found in stoppers.items() if found is None},
    )


def _stoppers(notes: Notes, needs: Set[Pair], task: str) -> frozenset[str] | None:
    """Return the cloned tasks that stop a key of a batched task whenever a clone of theirs fails.

    Example: ``load`` and ``use`` are mapped over the same keys, in batches. If ``load`` fails for ``a``, so
    does the task instance of its batch, and ``use`` is stopped for ``a``.

    Tasks of outer keys are left out. All keys of a batch have the same outer keys, so such a task stops all.

    Returns:
        ``None`` if that is not so for one of the tasks. Example: ``load`` is mapped over files, and ``use``
        over an inner zip of the files. If ``load`` fails for a file that the zip leaves out, no key of
        ``use`` is stopped.
    """
    found: set[str] = set()
    todo = [task]
    while todo:
        here = todo.pop()
        if here != task and here not in notes.cut_of:
            # The states of its own clones show what stopped it.
            continue
        around = notes.space_of[here].spaces_around()
        gathered = [
            each
            for each in notes.gathers.get(here, ())
            if space_in_common(notes.space_of[here], each.space) not in around
        ]
        new = {up for below, up in needs if below == here and notes.space_of[up] not in around}
        new = new.union(*(each.task_ids for each in gathered))
        spaces = [each.space for each in gathered] + [notes.space_of[up] for up in new]
        if any(each.tolerates_failures for each in gathered) or not all(
            _is_within(space, notes.space_of[task]) for space in spaces
        ):
            return None
        todo += new - found
        found |= new
    return frozenset(found)


def _is_within(space: Space, outer: Space) -> bool:
    """Return whether each key of a space is a key of another one, or is below one."""
    while space is not outer and isinstance(space, NestedSpace):
        space = space.outer
    return space is outer


def _find_levels(notes: Notes) -> tuple[Levels, frozenset[str]]:
    """Return cloned task -> level, and the author's groups with tasks on several levels.

    Such a group holds both a collected task and a task that needs the collection.
    """
    dependencies = _dependencies(notes)
    try:
        return find_levels(dependencies), frozenset()
    except UnsettledUnitError:
        free = find_levels(replace(dependencies, unit_of={task: task for task in notes.unit_of}))
    levels_of: dict[str, set[int]] = defaultdict(set)
    for task, unit in notes.unit_of.items():
        levels_of[unit].add(free[task])
    dissolved = frozenset(unit for unit, levels in levels_of.items() if len(levels) > 1)
    unit_of = {task: task if unit in dissolved else unit for task, unit in notes.unit_of.items()}
    return find_levels(replace(dependencies, unit_of=unit_of)), dissolved


def _dependencies(notes: Notes) -> Dependencies:
    upstream = {task: set(ups) for task, ups in notes.upstream.items()}
    for task, space in notes.space_of.items():
        # A clone waits for the list of its keys, directly or through other tasks.
        upstream[task].add(space.keys_task_id)
        if task in notes.cut_of:
            upstream[task].add(notes.cut_of[task].task_id)
    gathered = {(task, up) for task, found in notes.gathers.items() for each in found for up in each.task_ids}
    for task, up in notes.uses.keys() | notes.orders | notes.collects_all | gathered:
        upstream[task].add(up)
    for task, gatherings in notes.gathers.items():
        upstream[task] |= {each.keys_task_id for each in gatherings}
    return Dependencies(
        upstream=upstream,
        # Batches and single keys of a space are in different mapped groups.
        space_of={task: (space, notes.cut_of.get(task)) for task, space in notes.space_of.items()},
        unit_of=notes.unit_of,
        collects=notes.collects_all | gathered,
    )


def _same_key_needs(notes: Notes) -> frozenset[Pair]:
    """Return the pairs in which the first task needs the second's clones that matter to its own key.

    A task that collects all clones waits for all of them, and needs none in particular.
    """
    space_of = notes.space_of
    return frozenset(
        (task, up)
        for task, up in (notes.uses.keys() | notes.orders) - notes.collects_all
        if task in space_of and up in space_of and are_related(space_of[task], space_of[up])
    )
