"""Stores what became of the keys of a running batch, as they end.

The keys are stored in chunks, in the order in which they end. A chunk is stored again each second until it is
full. So a task instance that is killed loses at most the keys of its last second, and there are as few chunks
as the size of the results allows. Where Airflow has a task state store, the chunks are also stored there,
because Airflow deletes the XComs of a task instance when it starts again.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter import state_store, xcom
from airflow_dynamic_provider.execution.batch_records.stored import (
    KeyRecord,
    StoredChunk,
    chunk_xcom,
    ranges_of,
)

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.batches.batch import Batch

#: The maximum size of the records of a chunk, in bytes, unless a single one is larger.
CHUNK_BYTES = 64 * 1024

#: The time between two stores of a chunk, in seconds.
_STORE_EVERY = 1.0

# The stored size of a record without its key and its values, in bytes, roughly.
_RECORD_BYTES = 40


class Recorder:
    """Stores the records of the keys of a batch. Records are added in one thread, and stored in any.

    Args:
        batch: The batch.
        keeps_checkpoints: Whether a later try of the task instance may need the records.
    """

    def __init__(self, batch: Batch, *, keeps_checkpoints: bool) -> None:
        self._batch = batch
        self._keeps_checkpoints = keeps_checkpoints and state_store.has_store(batch.context)
        self._lock = threading.Lock()
        self._chunks: list[list[KeyRecord]] = [[]]
        # Chunk -> the positions of its keys, except for the first.
        self._elsewhere: dict[int, list[int]] = {}
        self._bytes = 0
        self._stored = 0
        self._is_changed = False
        self._last = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it is time to store what was added."""
        is_full = len(self._chunks) > self._stored + 1
        return self._is_changed and (is_full or time.monotonic() - self._last >= _STORE_EVERY)

    def add(self, record: KeyRecord) -> None:
        """Accept a record. No API call."""
        size = _RECORD_BYTES + sum(map(len, record.key_path)) + _size_of(record)
        with self._lock:
            if self._chunks[-1] and self._bytes + size > CHUNK_BYTES:
                self._chunks.append([])
                self._bytes = 0
            self._chunks[-1].append(record)
            self._bytes += size
            self._is_changed = True

    def flush(self) -> None:
        """Store what was added. One API call for each chunk, and one more for its checkpoint."""
        self._store(is_end=False)

    def close(self) -> None:
        """Store everything, for good. If there are several chunks, the first one tells where each key is."""
        self._store(is_end=True)
        if self._elsewhere:
            first = StoredChunk(
                tuple(self._chunks[0]), self._batch.attempt, others=ranges_of(self._elsewhere)
            )
            xcom.push(self._batch.context, chunk_xcom(0), first.pack())

    def _store(self, *, is_end: bool) -> None:
        with self._lock:
            chunks = [list(records) for records in self._chunks[self._stored :]]
            self._is_changed = False
        first = self._stored
        for number, records in enumerate(chunks, first):
            is_last = is_end and number == first + len(chunks) - 1
            if number:
                self._elsewhere[number] = [record.position for record in records]
            packed = StoredChunk(tuple(records), self._batch.attempt, is_last).pack()
            xcom.push(self._batch.context, chunk_xcom(number), packed)
            if self._keeps_checkpoints:
                checkpoint = {**packed, "fingerprint": self._batch.fingerprint}
                state_store.write(self._batch.context, chunk_xcom(number), checkpoint)
        # The last chunk may still grow.
        self._stored = first + len(chunks) - 1
        for number in range(max(first, 1), self._stored):
            # What is stored for good needs no memory. The first chunk is stored once more.
            self._chunks[number] = []
        self._last = time.monotonic()


def _size_of(record: KeyRecord) -> int:
    failure = record.failure
    texts = [record.reason or "", *((failure.kind, failure.message, failure.traceback) if failure else ())]
    values = [*record.values.values(), *([dict(record.metadata)] if record.metadata else [])]
    return sum(map(len, texts)) + sum(xcom.size_of(value, otherwise=CHUNK_BYTES) for value in values)


def read_checkpoint(batch: Batch) -> dict[tuple[str, ...], KeyRecord]:
    """Return the keys of a batch that an earlier try finished, or that a clear of single keys keeps.

    One API call for each chunk, and one more.
    """
    found = dict(batch.kept[0])
    if xcom.attempt_of(batch.context) == 1 or not state_store.has_store(batch.context):
        return found
    expected, number = batch.fingerprint, 0
    while True:
        stored = state_store.read(batch.context, chunk_xcom(number))
        if not isinstance(stored, dict) or stored.get("fingerprint") != expected:
            return found
        for record in StoredChunk.unpack(stored).records:
            if record.is_final or record.key_path not in found:
                found[record.key_path] = record
        number += 1
