"""Stores what became of the keys of a running batch, as they end.

The keys are stored in chunks, in the order in which they end. A chunk is stored again each second until it is
full. So a task instance that is killed loses at most the keys of its last second, and there are as few chunks
as the size of the results allows. Where Airflow has a task state store, the chunks are also stored there,
because Airflow deletes the XComs of a task instance when it starts again.
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter import state_store, xcom
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.execution.batch_records.items import StoredBatchItems, items_xcom, with_values
from airflow_dynamic_provider.execution.batch_records.stored import (
    BatchItem,
    KeyRecord,
    StoredChunk,
    chunk_xcom,
    ranges_of,
)
from airflow_dynamic_provider.execution.batches.growing import GrowingLists

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from airflow_dynamic_provider.execution.batches.batch import Batch

#: The maximum size of the records of a chunk, in bytes, unless a single one is larger.
CHUNK_BYTES = 64 * 1024

#: The time between two stores of a chunk, in seconds.
_STORE_EVERY = 1.0

# The stored size of a record without its key and its values, in bytes, roughly; and that of a dynamic output.
_RECORD_BYTES = 40
_ITEM_BYTES = 4


#: Called after keys of a running batch were stored. Only a program that runs a whole Dag in its own process
#: has any, to show the progress.
after_storing: list[Callable[[], None]] = []


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
        self._chunks = GrowingLists[KeyRecord](CHUNK_BYTES)
        # The first chunk is stored once more, with the positions of the keys of the others.
        self._first: list[KeyRecord] = []
        self._elsewhere: dict[int, list[int]] = {}
        self._pages = GrowingLists[tuple[str, KeyRecord, BatchItem]](CHUNK_BYTES)
        self._last = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it is time to store what was added."""
        is_full = self._chunks.has_full or self._pages.has_full
        return self._chunks.is_changed and (is_full or time.monotonic() - self._last >= _STORE_EVERY)

    def add(self, record: KeyRecord) -> None:
        """Accept a record, with the values of what it produced. No API call."""
        size = _RECORD_BYTES + sum(map(len, record.key_path)) + _size_of(record)
        with self._lock:
            if record.items:
                record = replace(record, items=self._put_on_pages(record))
            self._chunks.add(record, size)

    def _put_on_pages(self, record: KeyRecord) -> dict[str, list[BatchItem]]:
        """Return what a key produced, with the pages of the values and without the values."""
        without = replace(record, values={}, items={})
        placed: dict[str, list[BatchItem]] = {}
        for output, items in record.items.items():
            placed[output] = []
            for item in items:
                size = _ITEM_BYTES + len(item.key) + xcom.size_of(item.value, otherwise=CHUNK_BYTES)
                page = self._pages.add((output, without, item), size)
                placed[output].append(replace(item, page=page, value=None))
        return placed

    def flush(self) -> None:
        """Store what was added. One API call for each chunk and page, and one more for its checkpoint."""
        self._store(is_end=False)

    def close(self) -> None:
        """Store everything, for good. If there are several chunks, the first one tells where each key is."""
        self._store(is_end=True)
        if self._elsewhere:
            first = StoredChunk(tuple(self._first), self._batch.attempt, others=ranges_of(self._elsewhere))
            xcom.push(self._batch.context, chunk_xcom(0), first.pack())

    def _store(self, *, is_end: bool) -> None:
        with self._lock:
            pages = self._pages.unstored() if self._pages.is_changed else []
            chunks = self._chunks.unstored()
        # The records of a chunk name the pages.
        for number, entries in pages:
            self._push(items_xcom(number), StoredBatchItems.of(entries).pack())
        for number, records in chunks:
            is_last = is_end and number == chunks[-1][0]
            if number:
                self._elsewhere[number] = [record.position for record in records]
            else:
                self._first = records
            self._push(chunk_xcom(number), StoredChunk(tuple(records), self._batch.attempt, is_last).pack())
        with self._lock:
            if pages:
                self._pages.note_stored(pages)
            self._chunks.note_stored(chunks)
        self._last = time.monotonic()
        for observer in after_storing:
            observer()

    def _push(self, key: str, packed: Mapping[str, Any]) -> None:
        xcom.push(self._batch.context, key, packed)
        if self._keeps_checkpoints:
            checkpoint = {**packed, "fingerprint": self._batch.fingerprint}
            state_store.write(self._batch.context, key, checkpoint)


def _size_of(record: KeyRecord) -> int:
    failure = record.failure
    texts = [record.reason or "", *((failure.kind, failure.message, failure.traceback) if failure else ())]
    items = list(_items_of(record))
    documents = [record.metadata, *(item.metadata for item in items)]
    values = [*record.values.values(), *(dict(each) for each in documents if each)]
    size = sum(map(len, texts)) + sum(_ITEM_BYTES + len(item.key) for item in items)
    return size + sum(xcom.size_of(value, otherwise=CHUNK_BYTES) for value in values)


def read_checkpoint(batch: Batch) -> dict[tuple[str, ...], KeyRecord]:
    """Return the keys of a batch that an earlier try finished, or that a clear of single keys keeps.

    They have the values of what they produced. One API call for each chunk and each page, and one more.
    """
    kept = dict(batch.kept[0])
    if xcom.attempt_of(batch.context) == 1 or not state_store.has_store(batch.context):
        return kept
    found: dict[tuple[str, ...], KeyRecord] = {}
    number = 0
    while (stored := _read_own(batch, chunk_xcom(number))) is not None:
        for record in StoredChunk.unpack(stored).records:
            # Chunks after the last one of a killed try are of the try before.
            known = found.get(record.key_path)
            if known is None or (record.is_final and not known.is_final):
                found[record.key_path] = record
        number += 1
    return {**kept, **_with_values(batch, found)}


def _with_values(
    batch: Batch, records: Mapping[tuple[str, ...], KeyRecord]
) -> dict[tuple[str, ...], KeyRecord]:
    """Return records with the values of what their keys produced. A key runs again if some are missing."""
    numbers = {item.page for record in records.values() for item in _items_of(record)}
    stored = {page: _read_own(batch, items_xcom(page)) for page in sorted(numbers)}
    pages = {page: StoredBatchItems.unpack(each) for page, each in stored.items() if each is not None}
    return {
        path: with_values(record, pages) or replace(record, items={}, is_final=False)
        for path, record in records.items()
    }


def _read_own(batch: Batch, key: str) -> Any:
    """Return a checkpoint of this batch, ``None`` if there is none."""
    stored = state_store.read(batch.context, key)
    return stored if isinstance(stored, dict) and stored.get("fingerprint") == batch.fingerprint else None


def _items_of(record: KeyRecord) -> Iterator[BatchItem]:
    return itertools.chain.from_iterable(record.items.values())
