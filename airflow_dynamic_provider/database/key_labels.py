"""The metadata of many keys as plain values: what a condition compares, and what a column shows.

A key has the labels that its producer attached, and those that its tasks attached. If several have the same
label, the last task in the order of the columns counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.database.conditions import FilterError
from airflow_dynamic_provider.database.metadata import keys_metadata, metadata_of_cells

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from airflow_dynamic_provider.database.matrix import Matrix
    from airflow_dynamic_provider.definitions.metadata import MetadataValue

#: The number of keys whose metadata one answer reads. This takes the server some seconds.
MOST_KEYS = 20_000

# The number of keys that are read at once.
_AT_ONCE = 400

Labels = dict[str, Any]


def read_labels(matrix: Matrix, positions: Sequence[int]) -> dict[int, Labels]:
    """Return position -> label -> value, for values that are numbers, strings or booleans.

    Args:
        matrix: The matrix.
        positions: The positions of the keys.

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
        found |= _read_some(matrix, positions[start : start + _AT_ONCE])
    return found


def _read_some(matrix: Matrix, positions: Collection[int]) -> dict[int, Labels]:
    paths = matrix.keys.paths or ()
    wanted = {position: paths[position] for position in positions}
    cells = matrix.cells.at(list(wanted))
    produced = keys_metadata(matrix.source, matrix.info, wanted)
    own = metadata_of_cells(matrix.source, wanted, cells)
    found = {}
    for position in positions:
        labels = found[position] = _plain(produced[position])
        for task_id in matrix.info.task_ids:
            metadata = own.get((task_id, position))
            for labelled in metadata.outputs.values() if metadata is not None else ():
                labels |= _plain(labelled)
    return found


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
