"""The metadata of many keys as plain values: what a condition compares, and what a column shows.

A label of a key is what its producer attached. If the producer did not attach it, it is what the last of the
key's tasks attached. So the metadata of tasks is read only for keys whose producer did not attach the label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.database.batches import BatchedKeys
from airflow_dynamic_provider.database.conditions import FilterError
from airflow_dynamic_provider.database.metadata import (
    keys_metadata,
    read_metadata,
    read_stored_metadata,
)
from airflow_dynamic_provider.execution.batch_records.stored import STATE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.database.matrix import Matrix
    from airflow_dynamic_provider.definitions.metadata import MetadataValue
    from airflow_dynamic_provider.execution.layout import StoredMetadata
    from airflow_dynamic_provider.execution.spaces import KeyPath

#: The number of keys whose metadata one answer reads. This takes the server some seconds.
MOST_KEYS = 10_000

# The number of keys that are read at once.
_AT_ONCE = 400

Labels = dict[str, Any]


def read_labels(matrix: Matrix, positions: Sequence[int], labels: Collection[str]) -> dict[int, Labels]:
    """Return position -> label -> value, for values that are numbers, strings or booleans.

    Args:
        matrix: The matrix.
        positions: The positions of the keys.
        labels: The labels that are wanted. Others may be missing.

    Raises:
        FilterError: There are more than `MOST_KEYS`.
    """
    if len(positions) > MOST_KEYS:
        raise FilterError(
            f"This needs the metadata of {len(positions):,} keys. At most {MOST_KEYS:,} are read at once. "
            "Search for fewer keys first, or choose some states."
        )
    found: dict[int, Labels] = {}
    for start in range(0, len(positions), _AT_ONCE):
        found |= _read_some(matrix, positions[start : start + _AT_ONCE], labels)
    return found


def _read_some(matrix: Matrix, positions: Collection[int], labels: Collection[str]) -> dict[int, Labels]:
    paths = matrix.keys.paths or ()
    produced = keys_metadata(matrix.source, matrix.info, {at: paths[at] for at in positions})
    found = {position: _plain(produced[position]) for position in positions}
    missing = {at: paths[at] for at, known in found.items() if not known.keys() >= set(labels)}
    for position, attached in _attached(matrix, missing):
        found[position] = attached | found[position]
    return found


def _attached(matrix: Matrix, paths: Mapping[int, KeyPath]) -> Iterator[tuple[int, Labels]]:
    """Yield the positions of keys with what their tasks attached, in the order of the tasks."""
    single_ids, batched_ids = matrix.info.split(matrix.info.task_ids)
    of_clones = read_metadata(matrix.source, single_ids, list(paths)) if paths else {}
    # A clone may have run for another key, before the keys were listed again.
    own = {at: metadata for at, metadata in of_clones.items() if metadata.key_path == paths.get(at[1])}
    own |= _of_batches(matrix, batched_ids, paths)
    for position in paths:
        attached: Labels = {}
        for task_id in matrix.info.task_ids:
            if (metadata := own.get((task_id, position))) is not None:
                for labelled in metadata.outputs.values():
                    attached |= _plain(labelled)
        yield position, attached


def _of_batches(
    matrix: Matrix, task_ids: Collection[str], paths: Mapping[int, KeyPath]
) -> dict[tuple[str, int], StoredMetadata]:
    if not (task_ids and paths):
        return {}
    batched = BatchedKeys(matrix.source, matrix.info, matrix.keys, task_ids)
    read, _ = batched.read(batched.look(paths), paths, (*STATE_FIELDS, "metadata"))
    stored = {
        at: key.record.metadata
        for at, key in read.items()
        if key is not None and key.record is not None and key.record.metadata
    }
    return read_stored_metadata(stored)


def _plain(labelled: Mapping[str, MetadataValue]) -> Labels:
    return {
        label: each.value
        for label, each in labelled.items()
        if each.kind != "unreadable" and isinstance(each.value, (bool, int, float, str))
    }


def in_order_of(labels: Mapping[int, Labels], label: str, *, is_descending: bool) -> list[int]:
    """Return positions in the order of the values of a label. Numbers come before strings, none last."""
    known = [position for position, each in labels.items() if label in each]
    missing = [position for position in labels if label not in labels[position]]

    def rank(position: int) -> tuple[bool, Any]:
        value = labels[position][label]
        return isinstance(value, str), value

    return sorted(known, key=rank, reverse=is_descending) + missing
