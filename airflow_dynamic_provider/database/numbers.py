"""Numeric metadata of keys over the last runs of a Dag."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import loads_json_only
from airflow_dynamic_provider.database.cells import Cells
from airflow_dynamic_provider.database.metadata import keys_metadata, metadata_of_cells
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.execution.layout import ITEMS_PER_PAGE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.database.history import History
    from airflow_dynamic_provider.database.matrix import Matrix
    from airflow_dynamic_provider.definitions.metadata import MetadataValue
    from airflow_dynamic_provider.execution.spaces import KeyPath

#: The number of keys and clones whose metadata one response reads. This takes the server about a second.
MAX_READ = 5000

#: The same if the deployment's XCom backend has to load each of them, perhaps over the network.
MAX_LOADED = 500

#: The number of stored chunks of batches that one response reads. Each has many keys.
MOST_CHUNKS = 500

#: The lines that summarize all keys.
RANGE: Mapping[str, Callable[[list[float]], float]] = {
    "minimum": min,
    "median": statistics.median,
    "maximum": max,
}

#: Label, task, output.
Place = tuple[str, str, str]


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
    found: dict[Place, list[dict[KeyPath, float]]] = {}
    plan = _plan(history, paths, task_id)
    is_short = False
    for number, positions in plan.items():
        matrix = history.runs[number].matrix
        assert matrix is not None
        cells = Cells(matrix.source, matrix.info, matrix.keys, _columns(matrix, task_id))
        for place, path, value in values_of(matrix, cells, positions, task_id, MOST_CHUNKS // len(plan)):
            by_run = found.setdefault(place, [{} for _ in history.runs])
            by_run[number][path] = value
        is_short = is_short or cells.is_cut
    numbers = [Number(*place, _series(by_run, paths)) for place, by_run in sorted(found.items())]
    messages = [_message(history, paths, plan), _short() if is_short else None]
    return Numbers(numbers, " ".join(filter(None, messages)) or None)


def _short() -> str:
    return (
        f"What batches stored about the keys is in more than {MOST_CHUNKS} parts. The metadata of the keys "
        "in the other parts is left out."
    )


def _plan(
    history: History, paths: Sequence[KeyPath], task_id: str | None
) -> dict[int, Mapping[int, KeyPath]]:
    """Return number of a run -> the keys to read in it, by position. They and their clones are few enough.

    All runs have equal shares.
    """
    readable = {number: run.matrix for number, run in enumerate(history.runs) if run.matrix is not None}
    most = most_read()
    plan: dict[int, Mapping[int, KeyPath]] = {}
    for number, matrix in readable.items():
        share = most // len(readable) // (1 + len(_columns(matrix, task_id)))
        plan[number] = _thinned(_positions(matrix, paths), max(1, share))
    return plan


def most_read() -> int:
    """Return the number of keys and clones whose metadata one response reads."""
    return MAX_READ if loads_json_only() else MAX_LOADED


def _thinned(positions: Mapping[int, KeyPath], most: int) -> Mapping[int, KeyPath]:
    """Return at most some of the keys: groups of keys that follow each other, at equal distances.

    The keys of a group are stored together.
    """
    if len(positions) <= most:
        return positions
    ordered = list(positions.items())
    size = min(most, ITEMS_PER_PAGE)
    groups, pages = most // size, len(ordered) // size
    starts = (number * pages // groups * size for number in range(groups))
    return {at: path for start in starts for at, path in ordered[start : start + size]}


def _message(
    history: History, paths: Sequence[KeyPath], plan: Mapping[int, Mapping[int, KeyPath]]
) -> str | None:
    """Say which keys were left out, if any."""
    parted = [
        (len(shown), len(_positions(matrix, paths)))
        for number, shown in plan.items()
        if (matrix := history.runs[number].matrix) is not None
    ]
    shown, count = max(parted, key=lambda each: each[1] - each[0], default=(0, 0))
    if shown == count:
        return None
    left_out = f"Only {shown} of {count} keys of a run are read because there are many."
    return left_out if paths else f"{left_out} The minimum and the maximum of all keys may be others."


def _positions(matrix: Matrix, paths: Sequence[KeyPath]) -> Mapping[int, KeyPath]:
    if not paths:
        return dict(enumerate(matrix.keys.paths or ()))
    known = matrix.keys.positions
    return {known[path]: path for path in paths if path in known}


def _columns(matrix: Matrix, task_id: str | None) -> list[str]:
    return [each for each in matrix.info.task_ids if task_id in (None, each)]


def values_of(
    matrix: Matrix, cells: Cells, positions: Mapping[int, KeyPath], task_id: str | None, most_chunks: int
) -> Iterator[tuple[Place, KeyPath, float]]:
    """Yield the numbers of some keys: where each was attached, the key, the number.

    Args:
        matrix: The keys of a run.
        cells: Their task instances.
        positions: Position -> key path, of the keys to read.
        task_id: The task that attached the metadata; ``None`` for all tasks.
        most_chunks: The number of stored chunks of batches to read.
    """
    info = matrix.info
    producer, output = info.producer_id or info.space.keys_task_id, info.output or ""
    if task_id in (None, producer):
        for position, metadata in keys_metadata(matrix.source, info, positions).items():
            for label, number in _numbers(metadata):
                yield (label, producer, output), positions[position], number
    if not _columns(matrix, task_id):
        return
    found = cells.at(list(positions), most_chunks)
    for (own_id, position), stored in metadata_of_cells(matrix.source, positions, found).items():
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
