"""Finds what depends on task instances, key by key. It reads only the structure of the Dag and its keys.

Airflow knows which *tasks* depend on each other, and which clones do inside one mapped task group. Between
the groups of a key space, and between a key space and those derived from it, only the keys show it.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from airflow_dynamic_provider.execution.spaces import KeyPath, Route, Space, find_routes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from airflow_dynamic_provider.database.structure import SpaceInfo, Structure

#: All task instances of a task.
ALL = None

Found = dict[str, "set[int] | None"]


def find_downstream(
    structure: Structure,
    starts: Mapping[str, set[int] | None],
    paths_of: Callable[[SpaceInfo], list[KeyPath]],
) -> Found:
    """Return task id -> map indexes of some task instances and of everything that depends on them.

    For a task that runs its keys in batches, the positions of the keys stand in place of map indexes.

    Args:
        structure: The Dag.
        starts: Task id -> map indexes, `ALL` for every task instance of the task.
        paths_of: Returns the key paths of a space, by position.
    """
    found: Found = {task_id: None if indexes is ALL else set(indexes) for task_id, indexes in starts.items()}
    relations = _Relations(structure, paths_of)
    # In topological order, so one visit to each task is enough.
    for task_id in structure.order:
        for upstream_id in structure.upstream[task_id]:
            if upstream_id in found:
                indexes = relations.dependents(task_id, upstream_id, found[upstream_id])
                _add(found, task_id, indexes)
    for task_id in list(found):
        # A resource that was torn down has to be set up again.
        found.update(dict.fromkeys(structure.setups.get(task_id, ()), ALL))
    return found


def _add(found: Found, task_id: str, indexes: set[int] | None) -> None:
    if indexes is ALL or found.get(task_id, set()) is ALL:
        found[task_id] = ALL
    elif indexes:
        known = found.get(task_id)
        found[task_id] = indexes | (known or set())


class _Relations:
    """Knows which clones of a task depend on which clones of another."""

    def __init__(self, structure: Structure, paths_of: Callable[[SpaceInfo], list[KeyPath]]) -> None:
        self._structure = structure
        self._paths_of = paths_of
        self._known: dict[tuple[str, str], dict[int, set[int]] | None] = {}

    def dependents(self, task_id: str, upstream_id: str, indexes: set[int] | None) -> set[int] | None:
        """Return the map indexes of a task that depend on those of an upstream task."""
        own, other = self._structure.space_of(task_id), self._structure.space_of(upstream_id)
        is_by_key = upstream_id in self._structure.document(task_id).same_key
        if own is None or other is None or not is_by_key:
            return ALL
        if own is other:
            return indexes
        related = self._related(own, other)
        everything = range(len(self._paths_of(other)))
        if related is None or (indexes is ALL and not everything):
            return ALL
        chosen = everything if indexes is ALL else indexes
        found = {position for index in chosen for position in related.get(index, ())}
        # Not always, because an outer zip has keys that are missing on one side.
        is_whole = indexes is ALL and len(found) == len(self._paths_of(own))
        return ALL if is_whole else found

    def _related(self, own: SpaceInfo, other: SpaceInfo) -> dict[int, set[int]] | None:
        """Return position in the other space -> positions in the own space whose keys are related.

        Return ``None`` if neither space's keys derive from the other's.
        """
        at = (own.of, other.of)
        if at not in self._known:
            self._known[at] = self._find_related(own, other)
        return self._known[at]

    def _find_related(self, own: SpaceInfo, other: SpaceInfo) -> dict[int, set[int]] | None:
        own_paths, other_paths = self._paths_of(own), self._paths_of(other)
        if down := find_routes(own.space, other.space).found:
            pairs = _along(own.space, own_paths, down, other_paths)
            return _gather((target, position) for position, target in pairs)
        if up := find_routes(other.space, own.space).found:
            return _gather(_along(other.space, other_paths, up, own_paths))
        return None


def _along(
    space: Space, paths: list[KeyPath], routes: Iterable[Route], targets: list[KeyPath]
) -> Iterable[tuple[int, int]]:
    """Yield (position, position of a key that its key derives from), for all routes."""
    places = {path: position for position, path in enumerate(targets)}
    for position, path in enumerate(paths):
        for route in routes:
            target = places.get(_follow(space, path, route))
            if target is not None:
                yield position, target


def _follow(space: Space, path: KeyPath, route: Route) -> KeyPath:
    for link in route:
        path, space = space.path_of_link(link, path), space.links[link]
    return path


def _gather(pairs: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    gathered: defaultdict[int, set[int]] = defaultdict(set)
    for left, right in pairs:
        gathered[left].add(right)
    return gathered
