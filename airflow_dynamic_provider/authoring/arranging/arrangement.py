"""Decides how the cloned tasks of a Dag are arranged in mapped task groups. Pure functions of notes.

Inside one mapped group, Airflow lets a clone wait for its own key's upstream clones only. So all tasks of a
key space belong into one group, with one exception: a task that depends on something *outside* that in turn
depends on a task inside (a total of all keys, say) cannot be in the same group. The group would then depend
on itself, and Airflow's UI answers such a Dag with an error. Each time a dependency leaves the key space and
comes back, a new group begins: the level of a task is the number of times that happened. The tasks of one key
space and one level are a *segment*, and each segment becomes a mapped group.

Between groups, Airflow knows only "all clones of that task". So a task that needs its own key's value from
another group (a lower level, an outer key, a side of a joined key space), or the keys below its own, gets a
gate before it: a clone that waits for all and then passes on what became of those that matter to its key.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_dynamic_provider.authoring.arranging.gating import find_gates
from airflow_dynamic_provider.authoring.arranging.levels import Dependencies, UnsettledUnitError, find_levels
from airflow_dynamic_provider.authoring.model.notes import are_related

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from airflow_dynamic_provider.authoring.arranging.gating import Check
    from airflow_dynamic_provider.authoring.arranging.levels import Levels
    from airflow_dynamic_provider.authoring.model.notes import Notes, Pair
    from airflow_dynamic_provider.execution.spaces import Space


@dataclass(frozen=True)
class Segment:
    """The tasks that share a mapped group.

    Attributes:
        space: Their key space.
        level: How often a dependency left the key space and came back before them.
    """

    space: Space
    level: int


@dataclass(frozen=True)
class Arrangement:
    """Where the cloned tasks belong, and what they wait for there. Pairs are (task, upstream task).

    Attributes:
        segment_of: Cloned task -> its segment.
        dissolved: The author's groups that have to be taken apart, because their tasks are not of one level.
        edges: Pairs of one segment: the first waits for its own key's clone of the second.
        cut: Pairs of two segments. Airflow must not have the first wait for the second, because it would
            wait for all keys.
        gates: Cloned task -> what the gate before it looks at. The gate is in the task's segment.
        starts: The cloned tasks without an upstream task in their segment, not even a gate. They wait for
            the list of keys; so does every gate.
    """

    segment_of: Mapping[str, Segment]
    dissolved: Set[str]
    edges: Set[Pair]
    cut: Set[Pair]
    gates: Mapping[str, tuple[Check, ...]]
    starts: Set[str]


def find_arrangement(notes: Notes) -> Arrangement:
    """Return how the cloned tasks of a Dag are arranged. The same notes give the same arrangement.

    Args:
        notes: What is known of the Dag, without what an earlier arrangement added to it.

    Raises:
        UnsettledUnitError: A task needs its own value of all keys. Airflow refuses such a Dag for its circle.
    """
    levels, dissolved = _find_levels(notes)
    segment_of = {task: Segment(space, levels[task]) for task, space in notes.space_of.items()}
    needs = _same_key_needs(notes)
    edges = frozenset(pair for pair in needs if segment_of[pair[0]] == segment_of[pair[1]])
    cut = needs - edges
    gates = find_gates(notes, edges, cut)
    return Arrangement(
        segment_of=segment_of,
        dissolved=dissolved,
        edges=edges,
        cut=cut,
        gates=gates,
        starts=segment_of.keys() - gates.keys() - {task for task, _ in edges},
    )


def _find_levels(notes: Notes) -> tuple[Levels, frozenset[str]]:
    """Return cloned task -> level, and the author's groups that are not of one level.

    Such a group holds both what is collected and what needs the collection.
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
        # It waits for the list of its keys, itself or through others.
        upstream[task].add(space.keys_task_id)
    gathered = {(task, up) for task, found in notes.gathers.items() for each in found for up in each.task_ids}
    for task, up in notes.uses.keys() | notes.orders | notes.collects_all | gathered:
        upstream[task].add(up)
    for task, gatherings in notes.gathers.items():
        upstream[task] |= {each.keys_task_id for each in gatherings}
    return Dependencies(
        upstream=upstream,
        space_of=notes.space_of,
        unit_of=notes.unit_of,
        collects=notes.collects_all | gathered,
    )


def _same_key_needs(notes: Notes) -> frozenset[Pair]:
    """Return the pairs of which the first needs those clones of the second that matter to its own key.

    Whoever collects all clones of a task waits for all of them, and needs none of them in particular.
    """
    space_of = notes.space_of
    return frozenset(
        (task, up)
        for task, up in (notes.uses.keys() | notes.orders) - notes.collects_all
        if task in space_of and up in space_of and are_related(space_of[task], space_of[up])
    )
