"""Finds the keys of a collection that were not started, because too many keys of a map had failed.

For Airflow, their clones are skipped, as are the clones after them. But nobody wanted to leave these keys
out, so they count as not succeeded. Each clone that a limit stopped has stored why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import name_keys
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.definitions.states import SKIPPED
from airflow_dynamic_provider.execution.layout import NOT_STARTED_XCOM, StoredNotStarted
from airflow_dynamic_provider.execution.places import place_at
from airflow_dynamic_provider.execution.spaces import find_routes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.limits import Limit
    from airflow_dynamic_provider.execution.places import Place
    from airflow_dynamic_provider.execution.shaping import Found
    from airflow_dynamic_provider.execution.spaces import KeyPath, Space

# Position -> key path of the keys that a limit may have stopped.
_Keys = dict[int, "KeyPath"]


class NotStarted(Record):
    """The keys of a collection that were not started, and the limits that stopped them."""

    paths: list[KeyPath]
    limits: Sequence[Limit]

    def describe(self, count: int) -> str:
        """Return which keys were not started, and why.

        Args:
            count: The number of all keys that count.
        """
        why = " and ".join(limit.explain() for limit in self.limits)
        return f"{len(self.paths)} of {count} keys were not started, because {why}: {name_keys(self.paths)}"


def find_not_started(
    reader: Reader, space: Space, found: Found, limits: Mapping[Limit, Sequence[CloneSpec]]
) -> NotStarted | None:
    """Return the keys of a collection that were not started, ``None`` if there are none.

    It makes no API call if no key was skipped. Otherwise, it makes two for each task of each limit, or one
    for each stored chunk of its batches. A clone that collects below its key asks for these keys only.
    """
    skipped = list(_skipped(reader, space, found))
    paths: dict[KeyPath, None] = {}
    exceeded = []
    for limit, tasks in limits.items() if skipped else ():
        places = {path: list(_places(reader, of, at, path, limit.space)) for of, at, path in skipped}
        wanted = {place.position: place.key_path for each in places.values() for place in each}
        stopped = {at for spec in tasks for at in _stopped(reader, spec, wanted)}
        own = [path for path, each in places.items() if any(place.position in stopped for place in each)]
        if own:
            paths |= dict.fromkeys(own)
            exceeded.append(limit)
    return NotStarted(list(paths), exceeded) if paths else None


def _skipped(reader: Reader, space: Space, found: Found) -> Iterator[tuple[Space, int, KeyPath]]:
    """Yield the skipped keys of a collection, and the outer keys whose clone was skipped and listed none."""
    for index, path, state in zip(found.indexes, found.paths, found.outcomes, strict=True):
        if state == SKIPPED:
            yield space, index, path
    missing = {path for path, state in found.missing.items() if state == SKIPPED}
    for origin in space.origins if missing else ():
        for position, path in reader.paths(origin.space):
            if path in missing:
                yield origin.space, position, path


def _places(reader: Reader, space: Space, position: int, path: KeyPath, target: Space) -> Iterator[Place]:
    """Yield the places in a space that a key is made of."""
    for route in find_routes(space, target).found:
        place = place_at(reader.context, space, position, path).follow(route)
        if place is not None:
            yield place


def _stopped(reader: Reader, spec: CloneSpec, wanted: _Keys) -> Iterator[int]:
    """Yield the positions at which a limit stopped the clone of a task."""
    if spec.batches is not None:
        # Imported here, because most maps run each key in a task instance of its own.
        from airflow_dynamic_provider.execution.batch_records.reading import held_back

        yield from held_back(reader.context, spec, wanted)
        return
    marks = _read_marks(reader, spec.task_id, wanted)
    positions = [mark.map_index for mark in marks if wanted.get(mark.map_index) == mark.key_path]
    if positions:
        states = _read_states(reader, spec, positions)
        yield from (position for position in positions if _is_current(spec, states, position))


def _read_marks(reader: Reader, task_id: str, wanted: Mapping[int, KeyPath]) -> list[StoredNotStarted]:
    if reader.reads_all:
        stored = xcom.pull_all(reader.context, task_id, NOT_STARTED_XCOM)
    else:
        stored = [xcom.pull(reader.context, task_id, NOT_STARTED_XCOM, position) for position in wanted]
    return [StoredNotStarted.unpack(each) for each in stored if each is not None]


def _read_states(reader: Reader, spec: CloneSpec, positions: Iterable[int]) -> xcom.States:
    task_ids = [spec.task_id, *(other.task_id for other in spec.same_key)]
    if reader.reads_all:
        return xcom.read_states(reader.context, task_ids)
    states: xcom.States = {}
    for position in positions:
        states |= xcom.read_states_at(reader.context, task_ids, position)
    return states


def _is_current(spec: CloneSpec, states: xcom.States, position: int) -> bool:
    """Return whether the clone is skipped for the reason that it has stored.

    A clone that was cleared, and that the scheduler then skipped, still has what it stored before.
    """
    others = {xcom.state_at(states, other.task_id, position) for other in spec.same_key}
    return xcom.state_at(states, spec.task_id, position) == SKIPPED and others.isdisjoint(spec.stopped_by)
