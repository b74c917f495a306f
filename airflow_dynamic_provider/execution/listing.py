"""Lists the keys of a nested or joined key space, over which Airflow expands.

Each task runs once, when all the keys that its key paths are made of are known. It stores the key paths in
order, and with each path the positions in other key spaces that a clone needs.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import name_keys
from airflow_dynamic_provider.definitions.states import MARKED, SKIPPED, SUCCESS
from airflow_dynamic_provider.errors import KeyMismatchError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.columns.making import make_column, state_of_producer
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.layout import StoredEntry
from airflow_dynamic_provider.execution.lengths import check_length
from airflow_dynamic_provider.execution.sources import ResultSource
from airflow_dynamic_provider.execution.spaces import (
    LEFT,
    RIGHT,
    JoinedSpace,
    KeyPath,
    NestedSpace,
    name_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    from airflow_dynamic_provider.execution.clones import CloneSpec

log = logging.getLogger(__name__)


def list_nested(
    context: MutableMapping[str, Any],
    task_id: str,
    space: NestedSpace,
    clone: CloneSpec,
    *,
    is_expanded: bool,
) -> list[list[str]]:
    """Store the keys that the clones of a task have produced, and return their key paths.

    Args:
        context: Airflow's task context.
        task_id: The running task.
        space: The nested key space.
        clone: The cloned task that produces its keys.
        is_expanded: Whether Airflow expands over the keys, and not only over batches of them.

    Raises:
        AirflowSkipException: The task that lists the outer keys, or divides them into batches, was skipped.
        AirflowFailException: That task failed.
        TooManyOutputsError: Airflow does not expand over so many keys.
    """
    outer_id = space.outer.keys_task_id if clone.batches is None else clone.batches.cut.task_id
    states = xcom.read_states(context, [clone.task_id, outer_id])
    end_as_upstream(outer_id, states.get((outer_id, xcom.UNMAPPED)))
    reader = Reader(context, states)
    outer = reader.keys(space.outer)
    produced = make_column(reader, ResultSource(clone, space.output)).fetch(range(len(outer)))
    _note_marked(context, clone, [outer[at] for at, (state, _) in produced.items() if state == MARKED])
    entries = [
        StoredEntry((*outer[position], key), (position,), item, found.metadata, found.page)
        for position, (state, keys) in produced.items()
        if state == SUCCESS
        for item, (key, found) in enumerate(layout.unpack_produced_keys(keys).items())
    ]
    if is_expanded:
        check_length(len(entries), task_id, space.output)
    return _store(context, entries, outer)


def _note_marked(context: MutableMapping[str, Any], clone: CloneSpec, paths: list[KeyPath]) -> None:
    """Store the outer keys for which the inner keys are unknown. One API call if there are any."""
    if paths:
        log.warning(
            "No keys below %s: their clones of %r were marked as success and left none",
            name_keys(paths),
            clone.task_id,
        )
        xcom.push(context, layout.MARKED_XCOM, layout.pack_marked(paths))


def list_joined(
    context: MutableMapping[str, Any], task_id: str, space: JoinedSpace, *, is_expanded: bool
) -> list[list[str]]:
    """Store the keys of two joined key spaces, and return their key paths.

    Args:
        context: Airflow's task context.
        task_id: The running task.
        space: The joined key space.
        is_expanded: Whether Airflow expands over the keys, and not only over batches of them.

    Raises:
        KeyMismatchError: The zip is strict and a key is on one side only.
        TooManyOutputsError: Airflow does not expand over so many keys.
    """
    return _Join(task_id, space, is_expanded).store(context)


class _Join:
    """A join of the keys of two key spaces."""

    def __init__(self, task_id: str, space: JoinedSpace, is_expanded: bool) -> None:
        self.task_id = task_id
        self.space = space
        self.is_expanded = is_expanded

    def store(self, context: MutableMapping[str, Any]) -> list[list[str]]:
        origins = sorted({origin.task_id for origin in self.space.origins})
        reader = Reader(context, xcom.read_states(context, origins) if origins else {})
        left, right = (reader.keys(side) for side in (self.space.left, self.space.right))
        around = reader.keys(self.space.enclosing) if self.space.enclosing else []
        shared = {path: position for position, path in enumerate(around)}
        pairs = self._product(left, right) if self.space.how == "product" else self._zip(reader, left, right)
        entries = [
            StoredEntry(path, (*links, *((shared[path[: self.space.shared_depth]],) if shared else ())))
            for path, links in pairs
        ]
        if self.is_expanded:
            check_length(len(entries), self.task_id, "result")
        return _store(context, entries, around)

    def _product(
        self, left: list[KeyPath], right: list[KeyPath]
    ) -> Iterator[tuple[KeyPath, tuple[int, int]]]:
        depth = self.space.shared_depth
        by_shared: dict[KeyPath, list[int]] = defaultdict(list)
        for position, path in enumerate(right):
            by_shared[path[:depth]].append(position)
        for position, path in enumerate(left):
            for other in by_shared[path[:depth]]:
                yield (*path, *right[other][depth:]), (position, other)

    def _zip(
        self, reader: Reader, left: list[KeyPath], right: list[KeyPath]
    ) -> Iterator[tuple[KeyPath, tuple[int | None, int | None]]]:
        # The keys below these outer keys are unknown.
        blocked = {
            path
            for each in self.space.origins
            for path, _ in reader.outer_keys_without(each, state_of_producer(reader, each))
        }
        sides = [
            {path: position for position, path in enumerate(side) if not _is_below(path, blocked)}
            for side in (left, right)
        ]
        if self.space.how == "strict" and sides[LEFT].keys() != sides[RIGHT].keys():
            raise self._mismatch(sides[LEFT], sides[RIGHT])
        for path in {**sides[LEFT], **sides[RIGHT]}:
            if self.space.how == "outer" or (path in sides[LEFT] and path in sides[RIGHT]):
                yield path, (sides[LEFT].get(path), sides[RIGHT].get(path))

    def _mismatch(self, left: Mapping[KeyPath, int], right: Mapping[KeyPath, int]) -> KeyMismatchError:
        only = [
            f"only {name_of(side)} has {name_keys([path for path in own if path not in other])}"
            for side, own, other in ((self.space.left, left, right), (self.space.right, right, left))
            if any(path not in other for path in own)
        ]
        return KeyMismatchError(
            f"a strict zip needs the same keys on both sides, but {' and '.join(only)}",
            task_id=self.task_id,
            remedy='Produce the same keys, or zip with how="inner" or how="outer".',
        )


def _is_below(path: KeyPath, blocked: set[KeyPath]) -> bool:
    return any(path[:depth] in blocked for depth in range(1, len(path)))


def end_as_upstream(task_id: str, state: str | None) -> None:
    """Return if the task that lists the keys succeeded. Otherwise end the running task in the same state.

    Raises:
        AirflowSkipException: The task was skipped.
        AirflowFailException: The task did not succeed.
    """
    from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

    if state == SKIPPED:
        raise AirflowSkipException(f"{task_id!r} was skipped, so there are no keys.")
    if state != SUCCESS:
        raise AirflowFailException(f"{task_id!r} is {state}, so there are no keys to list.")


def _store(
    context: MutableMapping[str, Any],
    entries: list[StoredEntry],
    around: list[KeyPath],
) -> list[list[str]]:
    """Store the entries, and return the key paths.

    One API call for each 64 keys, one for each 64 keys around them, and one more.
    """
    attempt = xcom.attempt_of(context)
    for page, start in enumerate(range(0, len(entries), layout.ENTRIES_PER_PAGE)):
        stored = layout.StoredEntries(tuple(entries[start : start + layout.ENTRIES_PER_PAGE]), attempt)
        xcom.push(context, layout.entries_xcom(page), stored.pack())
    keys = [entry.key_path for entry in entries]
    for page, blocks in enumerate(_blocks(keys, around)):
        xcom.push(context, layout.blocks_xcom(page), blocks.pack())
    log.info("Listed %d keys", len(entries))
    listed = [list(path) for path in keys]
    xcom.push(context, layout.digest_xcom(layout.RETURN_VALUE), layout.pack_digest(listed))
    return listed


def _blocks(keys: list[KeyPath], around: list[KeyPath]) -> Iterator[layout.StoredBlocks]:
    """Yield the positions of the keys below each key of the enclosing map, in pages."""
    ranges: dict[KeyPath, list[tuple[int, int]]] = {path: [] for path in around}
    for position, path in enumerate(keys if around else ()):
        found = ranges[path[: len(around[0])]]
        # The keys that only one side of an outer zip has come after all others.
        start = found.pop()[0] if found and found[-1][1] == position else position
        found.append((start, position + 1))
    blocks = [layout.StoredBlock(path, tuple(found)) for path, found in ranges.items()]
    for start in range(0, len(blocks), layout.BLOCKS_PER_PAGE):
        yield layout.StoredBlocks(tuple(blocks[start : start + layout.BLOCKS_PER_PAGE]), len(keys))
