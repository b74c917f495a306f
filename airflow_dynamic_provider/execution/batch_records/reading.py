"""Reads what became of the keys of batched tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.states import SKIPPED, SUCCESS
from airflow_dynamic_provider.errors import StaleKeyError
from airflow_dynamic_provider.execution.batch_records.stored import (
    POSITIONS_PER_PAGE,
    StoredChunk,
    StoredPlaces,
    chunk_xcom,
    places_xcom,
)
from airflow_dynamic_provider.execution.pages import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord
    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.places import Place
    from airflow_dynamic_provider.execution.spaces import Cut

_Records = dict[int, "KeyRecord"]


def batch_of(context: Mapping[str, Any], cut: Cut, position: int) -> int | None:
    """Return the number of the batch that has a position, ``None`` if there is none. One API call."""
    places = read_document(
        context, cut.task_id, places_xcom(position // POSITIONS_PER_PAGE), StoredPlaces.unpack
    )
    return None if places is None else places.batch_of(position)


def read_chunks(context: Mapping[str, Any], task_id: str, number: int) -> Iterator[_Records]:
    """Yield the keys of a batch, by position, as they are stored. One API call for each chunk.

    Args:
        context: Airflow's task context.
        task_id: The task: the batched task, or its gate.
        number: The number of the batch.
    """
    chunk = 0
    while True:
        found = read_document(context, task_id, chunk_xcom(chunk), _by_position, number)
        if found is None:
            return
        records, is_last = found
        yield records
        if is_last:
            return
        chunk += 1


def _by_position(stored: Any) -> tuple[_Records, bool]:
    chunk = StoredChunk.unpack(stored)
    return {record.position: record for record in chunk.records}, chunk.is_last


def record_at(context: Mapping[str, Any], spec: CloneSpec, position: int) -> KeyRecord | None:
    """Return what became of one key, ``None`` if nothing is stored. At least two API calls."""
    assert spec.batches is not None
    number = batch_of(context, spec.batches.cut, position)
    if number is None:
        return None
    for records in read_chunks(context, spec.task_id, number):
        if position in records:
            return records[position]
    return None


def read_batched_value(context: Mapping[str, Any], spec: CloneSpec, output: str, place: Place) -> Any:
    """Return the value that a batched task produced for a key, in a running clone or batch.

    Raises:
        AirflowSkipException: The task was skipped for this key.
        StaleKeyError: The task has no result for this key.
    """
    from airflow_dynamic_provider.definitions.keys import render_key
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    record = record_at(context, spec, place.position)
    key = render_key(place.key_path)
    if record is not None and record.key_path == place.key_path:
        if record.state == SUCCESS and output in record.values:
            return record.values[output]
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
