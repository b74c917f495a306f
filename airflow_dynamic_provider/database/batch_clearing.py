"""Clears single keys of batches: finds their batches, and keeps what became of the other keys.

A task instance that is cleared runs again, and Airflow deletes its XComs. So the clear stores what became of
the keys that were not named where the task instance finds it: see `batch_records.kept`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.batches import BatchedKeys, Pair
from airflow_dynamic_provider.database.divisions import numbers_of, read_cuts
from airflow_dynamic_provider.database.downstream import ALL
from airflow_dynamic_provider.database.kept import read_tries
from airflow_dynamic_provider.database.keys import read_keys
from airflow_dynamic_provider.definitions.records import replace as changed
from airflow_dynamic_provider.definitions.states import FAILED, FINAL, REMOVED, SUCCESS
from airflow_dynamic_provider.execution.batch_records.items import (
    ITEMS_PREFIX,
    StoredBatchItems,
    with_values,
)
from airflow_dynamic_provider.execution.batch_records.kept import StoredKept, Try, in_chunks, kept_xcom
from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord, StoredChunk

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from airflow_dynamic_provider.database.batches import KeyInBatch
    from airflow_dynamic_provider.database.downstream import Found
    from airflow_dynamic_provider.database.kept import Tries
    from airflow_dynamic_provider.database.keys import KeyList
    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo

#: (Batched task, number of the batch) -> the positions of the keys that run again, for batches of which not
#: all keys do because the whole task runs again.
Parts = dict[Pair, frozenset[int]]

# The maximum size of a stored chunk, in bytes, unless a single key is larger.
_CHUNK_BYTES = 256 * 1024

# The stored size of the rest of a record, in bytes, roughly.
_RECORD_BYTES = 100


def divide(run: OpenRun, found: Found) -> tuple[Found, Parts]:
    """Return task -> map indexes, and which keys run again in which batch.

    Two queries for each task that divides keys of batches of which only some keys run again.

    Args:
        run: The Dag run.
        found: Task -> positions of keys, which are map indexes where tasks do not run batches.
    """
    wanted: Found = dict(found)
    parts: Parts = {}
    numbers: dict[str, dict[int, int]] = {}
    for info in run.structure.spaces.values():
        for task_id, batches in info.batched.items():
            positions = found.get(task_id, set())
            if positions is ALL or not positions:
                continue
            lister = batches.lister_id
            missing = positions - numbers.get(lister, {}).keys()
            if missing:
                (cut,) = read_cuts(run.source, [lister]).values()
                numbers.setdefault(lister, {}).update(numbers_of(run.source, cut, missing))
            by_number: defaultdict[int, set[int]] = defaultdict(set)
            for position in positions:
                by_number[numbers[lister].get(position, UNMAPPED)].add(position)
            wanted[task_id] = set(by_number)
            if task_id in info.task_ids:
                parts |= {
                    (task_id, number): frozenset(some) for number, some in by_number.items() if number >= 0
                }
    return wanted, parts


class KeptKeys:
    """What a clear of single keys keeps of the batches that it clears.

    It reads the states of the batches at once, before they are cleared, and the values of one batch at a
    time, when they are stored.

    Args:
        run: The Dag run.
        parts: The keys that run again.
    """

    def __init__(self, run: OpenRun, parts: Parts) -> None:
        self._run = run
        self._parts = parts
        # Nobody may start or clear a batch between its states and its values.
        tries = read_tries(run.source, parts, lock=True)
        cleared = {task_id for task_id, _ in parts}
        self._tasks: dict[str, _KeptOfTask] = {}
        for info in run.structure.spaces.values():
            if task_ids := cleared.intersection(info.batched):
                keys = read_keys(run.source, info)
                self._tasks |= {task_id: _KeptOfTask(run, info, keys, task_id, tries) for task_id in task_ids}

    def store(self) -> None:
        """Store it for the task instances, which have been cleared. Three statements for each chunk.

        Raises:
            LayoutError: Another release has stored what became of the keys.
            ReadError: What became of the keys cannot be loaded.
        """
        from airflow_dynamic_provider.airflow_adapter.models import store_xcom

        for (task_id, number), (now, _) in read_tries(self._run.source, self._parts).items():
            if (task_id, number) not in self._parts:
                continue
            task = self._tasks[task_id]
            clear = Try(now.ti_id, now.number + 1, now.max_tries)
            for chunk, packed in enumerate(task.kept(number, self._parts[task_id, number], clear)):
                store_xcom(
                    *(self._run.session, kept_xcom(task_id, number, chunk), packed),
                    dag_id=self._run.dag_id,
                    run_id=self._run.run_id,
                    task_id=task.cut.task_id,
                )


class _KeptOfTask:
    """The same for one batched task."""

    def __init__(self, run: OpenRun, info: SpaceInfo, keys: KeyList, task_id: str, tries: Tries) -> None:
        self._task_id = task_id
        self._source = run.source
        self._paths = keys.paths or ()
        self._reader = BatchedKeys(run.source, info, keys, [task_id])
        self._snapshot = replace(self._reader.look(range(len(self._paths))), tries=tries)
        (self.cut,) = self._snapshot.cuts.values()
        self._positions: defaultdict[int, list[int]] = defaultdict(list)
        for position, number in self._snapshot.numbers[self.cut.task_id].items():
            self._positions[number].append(position)

    def kept(self, number: int, named: Collection[int], clear: Try) -> list[dict[str, Any]]:
        """Return the stored form of what a clear keeps of a batch, in chunks.

        Args:
            number: The number of the batch.
            named: The positions of the keys that run again.
            clear: The task instance after the clear.
        """
        positions = self._positions[number]
        found, _ = self._reader.read(self._snapshot, positions)
        pages = self._pages(number)
        kept = [self._record(found[self._task_id, at], at, pages, is_named=at in named) for at in positions]
        sized = [(record, _size_of(record)) for record in kept if record is not None]
        chunks = in_chunks(sized, _CHUNK_BYTES)
        attempt = self.cut.try_number
        return [
            StoredKept(StoredChunk(chunk, attempt, is_last=chunk is chunks[-1]), clear).pack()
            for chunk in chunks
        ]

    def _pages(self, number: int) -> dict[int, StoredBatchItems]:
        """Return the pages of what the keys of a batch produced. One query."""
        stored = self._source.pull_parts([self._task_id], ITEMS_PREFIX, {number}, ())
        return {
            int(name.removeprefix(ITEMS_PREFIX)): StoredBatchItems.unpack(each)
            for (_, _, name), each in stored.items()
        }

    def _record(
        self, key: KeyInBatch | None, position: int, pages: Mapping[int, StoredBatchItems], *, is_named: bool
    ) -> KeyRecord | None:
        """Return what is kept of a key, ``None`` if nothing is. A key runs again unless it is final."""
        if key is None or key.is_stale:
            return None
        path, state = self._paths[position], key.instance.state
        known = key.kept if key.kept is not None and key.kept.is_final else key.record
        if is_named or state not in FINAL - {REMOVED}:
            known = known or key.kept
            return known and KeyRecord(path, position, FAILED, is_final=False, tries=known.tries)
        if known is not None:
            # Airflow deletes the pages too. A key whose values are not there runs again.
            whole = with_values(known, pages)
            return whole and changed(whole, position=position, is_final=True)
        if state == SUCCESS:
            # The batch was marked as success, and has no result for the key.
            return None
        # The process of the batch was killed, or never started.
        return KeyRecord(path, position, str(state), tries=key.instance.try_number)


def _size_of(record: KeyRecord) -> int:
    items = [[each.key, each.value, dict(each.metadata)] for some in record.items.values() for each in some]
    stored = [*record.values.values(), dict(record.metadata), items]
    return len(json.dumps(stored, default=str)) + _RECORD_BYTES
