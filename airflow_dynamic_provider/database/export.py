"""Exports a key space of one run as chunks of CSV or JSON. It reads some keys at a time."""

from __future__ import annotations

import csv
import io
import json
from datetime import timezone
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal

from airflow_dynamic_provider.database.filters import chosen_by
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.metadata import keys_metadata, metadata_of_cells
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.metadata import metadata_to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from airflow_dynamic_provider.database.cells import Cell
    from airflow_dynamic_provider.database.filters import KeyFilter
    from airflow_dynamic_provider.database.metadata import Labelled
    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.layout import StoredMetadata
    from airflow_dynamic_provider.execution.spaces import KeyPath

What = Literal["states", "metadata"]
Format = Literal["json", "csv"]

#: The columns of a CSV file.
COLUMNS: Mapping[What, tuple[str, ...]] = {
    "states": (
        "of",
        "key_path",
        "key",
        "task_id",
        "map_index",
        "state",
        "try_number",
        "start_date",
        "end_date",
        "duration",
        "is_stale",
        "error",
        "reason",
    ),
    "metadata": ("of", "key_path", "key", "task_id", "output", "label", "kind", "value"),
}

#: The characters that start a formula in a spreadsheet, and the full-width forms that some programs accept.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

# The number of keys that are read and written at once.
_AT_ONCE = 400


def export(
    run: OpenRun,
    spaces: Sequence[SpaceInfo],
    what: What,
    form: Format,
    wanted: KeyFilter | None = None,
) -> Iterator[str]:
    """Yield the content of a file, in chunks. Each chunk is read when it is requested.

    A complete file ends with a mark: CSV with a last line ``# complete: 12 rows``, JSON with the field
    ``complete``.

    Args:
        run: The Dag run.
        spaces: The key spaces.
        what: The states of their keys, or their metadata.
        form: The format of the file.
        wanted: Which keys to export; ``None`` for all. The file says so at its end.

    Raises:
        LayoutError: Another release has stored the data.
        ReadError: The data cannot be loaded.
    """
    if form == "json":
        return json_chunks(run, spaces, what, wanted)
    read = state_rows if what == "states" else metadata_rows
    rows = (row for info in spaces for row in read(run, info, wanted))
    return csv_chunks(rows, COLUMNS[what], "" if wanted is None else f", only of keys with {wanted}")


def state_rows(run: OpenRun, info: SpaceInfo, wanted: KeyFilter | None = None) -> Iterator[dict[str, Any]]:
    """Yield a row for each key and task of a space."""
    for key in _read_states(Matrix(run.source, info), wanted):
        about = _about(info, key)
        for task in key["tasks"]:
            yield {**about, **task}


def metadata_rows(run: OpenRun, info: SpaceInfo, wanted: KeyFilter | None = None) -> Iterator[dict[str, Any]]:
    """Yield a row for each label: of the keys of a space, and of their clones."""
    for key in _read_metadata(Matrix(run.source, info), wanted):
        about = _about(info, key)
        # A joined key was produced by two tasks. The task that lists it knows both.
        producer = {"task_id": info.producer_id or info.space.keys_task_id, "output": info.output}
        yield from ({**about, **producer, **each} for each in _labels(key["metadata"]))
        for task in key["tasks"]:
            for output, labelled in task["outputs"].items():
                own = {"task_id": task["task_id"], "output": output}
                yield from ({**about, **own, **each} for each in _labels(labelled))


def csv_chunks(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], of: str = "") -> Iterator[str]:
    """Yield the content of a CSV file. A string that would start a formula gets an apostrophe in front.

    The last line says that the file is complete, and how many rows it has.

    Args:
        rows: The rows.
        columns: The names of the columns.
        of: What the last line says about the selection of the rows.
    """
    return _in_chunks(_csv_lines(rows, columns, of))


def csv_cell(value: Any) -> str | int | float:
    """Return a value as a CSV cell: numbers and strings unchanged, ``None`` empty, other values as JSON."""
    if value is None:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA) else text


def json_chunks(
    run: OpenRun, spaces: Sequence[SpaceInfo], what: What, wanted: KeyFilter | None = None
) -> Iterator[str]:
    """Yield the content of a JSON document: the run, its key spaces, their keys."""
    return _in_chunks(_json_lines(run, spaces, _read_states if what == "states" else _read_metadata, wanted))


def describe_cell(task_id: str, cell: Cell | None) -> dict[str, Any]:
    """Return a cell as plain values, without states and times if it ran for another key."""
    described = {"task_id": task_id, "map_index": None if cell is None else cell.instance.map_index}
    own = None if cell is None or cell.is_stale else cell.instance
    return {
        **described,
        "state": None if own is None else own.state,
        "try_number": None if own is None else own.try_number,
        "start_date": None if own is None else _moment(own.start_date),
        "end_date": None if own is None else _moment(own.end_date),
        "duration": None if own is None else own.duration,
        "is_stale": cell is not None and cell.is_stale,
        "error": None if cell is None else cell.error,
        "reason": None if cell is None else cell.reason,
        "from_run": None if cell is None else cell.from_run,
    }


def _read_states(matrix: Matrix, wanted: KeyFilter | None) -> Iterator[dict[str, Any]]:
    for paths in _in_parts(matrix, wanted):
        cells = matrix.cells.at(list(paths))
        for position, path in paths.items():
            described = [describe_cell(task_id, cell) for task_id, cell in cells[position].items()]
            yield {"key_path": list(path), "key": render_key(path), "tasks": described}


def _read_metadata(matrix: Matrix, wanted: KeyFilter | None) -> Iterator[dict[str, Any]]:
    for paths in _in_parts(matrix, wanted):
        cells = matrix.cells.at(list(paths))
        own = metadata_of_cells(matrix.source, paths, cells)
        produced = keys_metadata(matrix.source, matrix.info, paths)
        for position, path in paths.items():
            found = {task_id: own.get((task_id, position)) for task_id in cells[position]}
            yield describe_metadata(path, produced[position], found)


def describe_metadata(
    path: KeyPath, produced: Labelled, own: Mapping[str, StoredMetadata | None]
) -> dict[str, Any]:
    """Return the metadata of a key and of its clones, as plain values.

    Args:
        path: The key path.
        produced: The metadata that was produced with the key.
        own: Task -> metadata of its clone.
    """
    return {
        "key_path": list(path),
        "key": render_key(path),
        "metadata": metadata_to_json(produced),
        "tasks": [
            {
                "task_id": task_id,
                "outputs": {output: metadata_to_json(found) for output, found in metadata.outputs.items()},
            }
            for task_id, metadata in own.items()
            if metadata is not None and metadata.outputs
        ],
    }


def _in_parts(matrix: Matrix, wanted: KeyFilter | None) -> Iterator[dict[int, KeyPath]]:
    """Yield position -> key path, some at a time."""
    paths = matrix.keys.paths or ()
    positions = range(len(paths)) if wanted is None else chosen_by(matrix, wanted)
    for start in range(0, len(positions), _AT_ONCE):
        yield {position: paths[position] for position in positions[start : start + _AT_ONCE]}
        # A database keeps what a transaction may still look at, and others wait for its connection.
        matrix.source.session.commit()


def _about(info: SpaceInfo, key: Mapping[str, Any]) -> dict[str, Any]:
    return {"of": info.of, "key_path": key["key_path"], "key": key["key"]}


def _labels(labelled: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for label, stored in labelled.items():
        kind, value = stored["type"], stored["value"]
        # A null that was attached on purpose is not an empty cell, and a string inside JSON has quotes.
        if value is None or (kind == "json" and isinstance(value, str)):
            value = json.dumps(value, ensure_ascii=False)
        yield {"label": label, "kind": kind, "value": value}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(timezone.utc).isoformat()


def _csv_lines(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], of: str) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    count = -1
    for cells in chain([columns], ([csv_cell(row.get(each)) for each in columns] for row in rows)):
        writer.writerow(cells)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        count += 1
    # No dynamic output has such a name. A transfer may end early and look complete to the client.
    yield f"# complete: {count} rows{of}\r\n"


def _json_lines(
    run: OpenRun,
    spaces: Sequence[SpaceInfo],
    read: Callable[[Matrix, KeyFilter | None], Iterator[Any]],
    wanted: KeyFilter | None,
) -> Iterator[str]:
    selection = {} if wanted is None else {"only_keys_with": str(wanted)}
    head = json.dumps({"dag_id": run.dag_id, "run_id": run.run_id, **selection})
    yield f'{head[:-1]}, "outputs": ['
    for number, info in enumerate(spaces):
        matrix = Matrix(run.source, info)
        about = {
            "of": info.of,
            "name": info.name,
            "kind": info.kind,
            "description": info.description,
            "message": matrix.keys.message,
        }
        yield f'{"," if number else ""}\n{json.dumps(about)[:-1]}, "keys": ['
        separator = "\n"
        for key in read(matrix, wanted):
            yield separator + json.dumps(key)
            separator = ",\n"
        yield "]}"
    # Last, because a reader may repair a truncated file into valid JSON.
    yield '], "complete": true}\n'


def _in_chunks(lines: Iterable[str]) -> Iterator[str]:
    """Yield many lines at a time, because sending each chunk has a cost."""
    todo = iter(lines)
    while chunk := "".join(islice(todo, _AT_ONCE)):
        yield chunk
