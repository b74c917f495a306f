"""Reads what became of the keys of batched tasks."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.definitions.states import SKIPPED, SUCCESS
from airflow_dynamic_provider.errors import StaleKeyError
from airflow_dynamic_provider.execution.batch_records.items import read_page
from airflow_dynamic_provider.execution.batch_records.outcomes import is_stopped_by
from airflow_dynamic_provider.execution.batch_records.stored import (
    POSITIONS_PER_PAGE,
    StoredChunk,
    StoredPlaces,
    chunk_xcom,
    places_xcom,
)
from airflow_dynamic_provider.execution.pages import keep_pages, keeps_pages, kept_by, read_document
from airflow_dynamic_provider.execution.places import no_longer_produced

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    from airflow_dynamic_provider.execution.batch_records.cutting import Range
    from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord
    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.places import Place
    from airflow_dynamic_provider.execution.spaces import Cut, KeyPath, NestedSpace

# The key of the running batch's own keys in Airflow's task context.
_OWN_KEY = "dynamic_own_keys"

# The key of the records that are kept.
_RECORDS_KEY = "dynamic_records"


class _Own(NamedTuple):
    """The keys of a running batch."""

    cut: Cut
    number: int
    range: Range


def know_own(context: MutableMapping[str, Any], cut: Cut, number: int, keys: Range) -> None:
    """Remember which keys the running batch has, for `batch_of`."""
    context[_OWN_KEY] = _Own(cut, number, keys)


def batch_of(context: Mapping[str, Any], cut: Cut, position: int) -> int | None:
    """Return the number of the batch that has a position, ``None`` if there is none.

    One API call, two if the batches have different sizes. A running batch makes none for its own keys.
    """
    own: _Own | None = context.get(_OWN_KEY)
    if own is not None and own.cut is cut and own.range.start <= position < own.range.stop:
        return own.number
    page = 0
    places = read_document(context, cut.task_id, places_xcom(page), StoredPlaces.unpack)
    if places is not None and places.size is None and (page := position // POSITIONS_PER_PAGE):
        places = read_document(context, cut.task_id, places_xcom(page), StoredPlaces.unpack)
    return None if places is None else places.batch_of(position)


class BatchRecords:
    """What became of the keys of one batch. It reads only the chunks that it needs, one API call for each.

    The first chunk of a batch that has ended tells where the other keys are.

    Args:
        context: Airflow's task context.
        task_id: The task: the batched task, or its gate.
        number: The number of the batch.
    """

    def __init__(self, context: Mapping[str, Any], task_id: str, number: int) -> None:
        self._context = context
        self._place = (task_id, number)
        self._chunks: dict[int, StoredChunk] = {}
        self._is_whole = False
        self._by_position: dict[int, KeyRecord] = {}

    def __bool__(self) -> bool:
        """Return whether anything is stored about any key."""
        if not self._chunks:
            self._read(0)
        return bool(self._by_position)

    def at(self, position: int) -> KeyRecord | None:
        """Return what became of the key at a position, ``None`` if nothing is stored."""
        while position not in self._by_position and (chunk := self._next(position)) is not None:
            self._read(chunk)
        return self._by_position.get(position)

    def _next(self, position: int) -> int | None:
        """Return the chunk to read for a position."""
        first = self._chunks.get(0)
        if first is not None and first.others:
            chunk = first.chunk_of(position)
            return None if chunk in self._chunks else chunk
        return None if self._is_whole else len(self._chunks)

    def _read(self, number: int) -> None:
        task_id, batch = self._place
        chunk = read_document(self._context, task_id, chunk_xcom(number), StoredChunk.unpack, batch)
        if chunk is None:
            self._is_whole = True
            return
        self._chunks[number] = replace(chunk, records=())
        self._is_whole = chunk.is_last
        self._by_position.update((record.position, record) for record in chunk.records)


def records_of(context: MutableMapping[str, Any], task_id: str, number: int) -> BatchRecords:
    """Return the records of a batch. Those that a task instance with many keys has read are kept for all."""
    if not keeps_pages(context):
        return BatchRecords(context, task_id, number)
    kept: dict[Any, BatchRecords] = kept_by(context).setdefault(_RECORDS_KEY, {})
    if (task_id, number) not in kept:
        kept[task_id, number] = BatchRecords(context, task_id, number)
    return kept[task_id, number]


def record_at(context: MutableMapping[str, Any], spec: CloneSpec, position: int) -> KeyRecord | None:
    """Return what became of one key, ``None`` if nothing is stored. Up to four API calls."""
    assert spec.batches is not None
    number = batch_of(context, spec.batches.cut, position)
    return None if number is None else records_of(context, spec.task_id, number).at(position)


def held_back(context: Mapping[str, Any], spec: CloneSpec, wanted: Mapping[int, KeyPath]) -> Iterator[int]:
    """Yield the positions of the keys that a batched task did not start, because too many had failed.

    One API call for each stored chunk of the batches that have the keys, and one for the gate of each.

    Args:
        context: Airflow's task context.
        spec: The batched task.
        wanted: Position -> key path of the keys.
    """
    assert spec.batches is not None
    gate_id = spec.batches.gate_id
    kept = dict(context)
    keep_pages(kept)
    by_batch: dict[int | None, list[int]] = {}
    for position in wanted:
        by_batch.setdefault(batch_of(kept, spec.batches.cut, position), []).append(position)
    for number, positions in by_batch.items():
        if number is None:
            continue
        if gate_id is not None:
            gate_state = xcom.state_at(xcom.read_states_at(context, [gate_id], number), gate_id, number)
            if is_stopped_by(gate_state):
                # What the batch has stored is from an earlier run of it.
                continue
        records = records_of(kept, spec.task_id, number)
        for position in positions:
            record = records.at(position)
            if record is not None and record.is_held_back and record.key_path == wanted[position]:
                yield position


def read_batched_value(context: MutableMapping[str, Any], spec: CloneSpec, output: str, place: Place) -> Any:
    """Return the value that a batched task produced for a key, in a running clone or batch.

    Raises:
        AirflowSkipException: The output is optional and was not produced, or the task was skipped for this
            key.
        StaleKeyError: The task has no result for this key.
    """
    from airflow_dynamic_provider.definitions.keys import render_key
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    record = record_at(context, spec, place.position)
    key = render_key(place.key_path)
    if record is not None and record.key_path == place.key_path:
        if record.state == SUCCESS and output in record.values:
            return record.values[output]
        if record.state == SUCCESS and output in spec.optional_outputs:
            raise AirflowSkipException(f"{spec.task_id!r} produced no {output!r} for the key {key!r}.")
        if record.state == SKIPPED:
            raise AirflowSkipException(f"{spec.task_id!r} was skipped for the key {key!r}.")
    problem = "its batch has no result for this key"
    if record is not None and record.key_path != place.key_path:
        problem = f"its batch ran the key {render_key(record.key_path)!r} in this place, not this one"
    elif record is not None and record.state != SUCCESS:
        problem = f"it is {record.state} for this key"
    raise StaleKeyError(
        problem,
        task_id=spec.task_id,
        output_name=output,
        mapping_key=key,
        remedy=f"Clear {spec.task_id!r} for this key, with its downstream tasks.",
    )


def read_batched_item(context: Mapping[str, Any], space: NestedSpace, place: Place) -> Any:
    """Return the value of a dynamic output that a batch produced, in a running clone or batch.

    One API call. If the batch ran again since its keys were listed, it makes one for each page of the batch.

    Raises:
        StaleKeyError: The batch no longer has this key.
    """
    assert place.page is not None
    number, listed = place.page
    at = (space.output, place.key_path)
    for page in itertools.chain([listed], itertools.count()):
        found = read_page(context, space.producer_id, number, page)
        if found is not None and at in found.values:
            return found.values[at]
        if found is None and page != listed:
            break
    raise no_longer_produced(space, place.key_path)
