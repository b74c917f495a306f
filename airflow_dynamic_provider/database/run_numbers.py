"""The numeric metadata of the keys of one run: what charts of a run show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.cells import Cells
from airflow_dynamic_provider.database.numbers import MOST_CHUNKS, Place, most_read, values_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dynamic_provider.database.matrix import Matrix
    from airflow_dynamic_provider.execution.spaces import KeyPath


@dataclass(frozen=True)
class RunNumbers:
    """The numeric metadata of keys in one run.

    Attributes:
        paths: The keys.
        values: (Label, task, output) -> the number of each key; ``None`` where a key has none.
        message: What is left out, if anything.
    """

    paths: Sequence[KeyPath]
    values: dict[Place, list[float | None]]
    message: str | None = None


def read_run_numbers(matrix: Matrix, positions: Sequence[int]) -> RunNumbers:
    """Return the numeric metadata of keys, of those that were produced and of their tasks.

    Args:
        matrix: The keys of the run.
        positions: The positions of the keys.

    Raises:
        LayoutError: Another release has stored the data.
    """
    task_ids = matrix.info.task_ids
    shown = positions[: most_read() // (1 + len(task_ids))]
    paths = matrix.keys.paths or ()
    by_position = {position: paths[position] for position in shown}
    rows = {path: row for row, path in enumerate(by_position.values())}
    cells = Cells(matrix.source, matrix.info, matrix.keys)
    found: dict[Place, list[float | None]] = {}
    for place, path, number in values_of(matrix, cells, by_position, None, MOST_CHUNKS):
        found.setdefault(place, [None] * len(rows))[rows[path]] = number
    messages = []
    if len(shown) < len(positions):
        messages.append(f"Only the first {len(shown):,} of {len(positions):,} keys are read.")
    if cells.is_cut:
        messages.append(f"What batches stored is in more than {MOST_CHUNKS:,} parts. Some are left out.")
    return RunNumbers(list(rows), dict(sorted(found.items())), " ".join(messages) or None)
