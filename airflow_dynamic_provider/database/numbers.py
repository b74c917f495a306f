"""Numeric metadata of keys over the last runs of a Dag."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.database.metadata import keys_metadata, metadata_of_cells
from airflow_dynamic_provider.definitions.keys import render_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.database.history import History
    from airflow_dynamic_provider.database.matrix import Matrix
    from airflow_dynamic_provider.definitions.metadata import MetadataValue
    from airflow_dynamic_provider.execution.spaces import KeyPath

#: The number of task instances whose metadata one response reads. This takes the server some seconds.
MAX_READ = 20_000

#: The lines that summarize all keys.
RANGE: Mapping[str, Callable[[list[float]], float]] = {
    "minimum": min,
    "median": statistics.median,
    "maximum": max,
}

# Label, task, output.
_Place = tuple[str, str, str]


@dataclass(frozen=True)
class Number:
    """A numeric metadatum over some runs.

    Attributes:
        label: Its label.
        task_id: The task that attached it.
        output: The output that it describes; empty for a joined key.
        series: Key or name of a range line -> value in each run.
    """

    label: str
    task_id: str
    output: str
    series: Mapping[str, Sequence[float | None]]


@dataclass(frozen=True)
class Numbers:
    """The numeric metadata of keys, and a message if runs were left out."""

    numbers: Sequence[Number]
    message: str | None = None


def read_numbers(history: History, paths: Sequence[KeyPath], task_id: str | None = None) -> Numbers:
    """Return the numeric metadata of keys: a line for each key, or the range of all keys.

    Args:
        history: The runs.
        paths: The keys; empty for all.
        task_id: The task that attached the metadata; ``None`` for all tasks.

    Raises:
        LayoutError: Another release has stored the data.
    """
    found: dict[_Place, list[dict[KeyPath, float]]] = {}
    budget, message = MAX_READ, None
    for number in reversed(range(len(history.runs))):
        matrix = history.runs[number].matrix
        if matrix is None:
            continue
        positions = _positions(matrix, paths)
        budget -= len(positions) * (1 + len(matrix.info.task_ids))
        if budget < 0 and found:
            shown = len(history.runs) - number - 1
            message = f"Only the last {shown} runs are shown because there are many keys."
            break
        for place, path, value in _values(matrix, positions, task_id):
            by_run = found.setdefault(place, [{} for _ in history.runs])
            by_run[number][path] = value
    numbers = [Number(*place, _series(by_run, paths)) for place, by_run in sorted(found.items())]
    return Numbers(numbers, message)


def _positions(matrix: Matrix, paths: Sequence[KeyPath]) -> dict[int, KeyPath]:
    known = matrix.keys.positions
    wanted = paths or list(known)
    return {known[path]: path for path in wanted if path in known}


def _values(
    matrix: Matrix, positions: Mapping[int, KeyPath], task_id: str | None
) -> Iterator[tuple[_Place, KeyPath, float]]:
    info = matrix.info
    producer, output = info.producer_id or info.space.keys_task_id, info.output or ""
    if task_id in (None, producer):
        for position, metadata in keys_metadata(matrix.source, info, positions).items():
            for label, number in _numbers(metadata):
                yield (label, producer, output), positions[position], number
    columns = [each for each in info.task_ids if task_id in (None, each)]
    if not columns:
        return
    cells = matrix.cells.at(list(positions))
    wanted = {at: {each: by_task[each] for each in columns} for at, by_task in cells.items()}
    for (own_id, position), stored in metadata_of_cells(matrix.source, positions, wanted).items():
        for own_output, metadata in stored.outputs.items():
            for label, number in _numbers(metadata):
                yield (label, own_id, own_output), positions[position], number


def _numbers(metadata: Mapping[str, MetadataValue]) -> Iterator[tuple[str, float]]:
    for label, value in metadata.items():
        if value.kind in ("int", "float") and _is_finite(value.value):
            yield label, float(value.value)


def _is_finite(stored: Any) -> bool:
    # Infinity and NaN are stored by name.
    return isinstance(stored, (int, float))


def _series(
    by_run: Sequence[Mapping[KeyPath, float]], paths: Sequence[KeyPath]
) -> dict[str, list[float | None]]:
    if paths:
        return {render_key(path): [values.get(path) for values in by_run] for path in paths}
    lines: defaultdict[str, list[float | None]] = defaultdict(list)
    for values in by_run:
        for name, combine in RANGE.items():
            lines[name].append(combine(list(values.values())) if values else None)
    return dict(lines)
