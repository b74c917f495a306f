"""What the commands show, as plain documents.

A command asks this module if it reads the database itself, and a route that asks it if the command asks the
API server. So both show the same.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.database.cells import Cells
from airflow_dynamic_provider.database.clearing import clear
from airflow_dynamic_provider.database.comparison import compare
from airflow_dynamic_provider.database.export import describe_cell, describe_metadata
from airflow_dynamic_provider.database.failure_groups import group_failures
from airflow_dynamic_provider.database.key_naming import chosen_spaces, find_key
from airflow_dynamic_provider.database.matrix import Matrix, Query
from airflow_dynamic_provider.database.metadata import key_metadata, metadata_of_cells
from airflow_dynamic_provider.database.origins import find_origins
from airflow_dynamic_provider.database.runs import name_of_state, open_named_run
from airflow_dynamic_provider.database.task_progress import read_progress, watched_matrix
from airflow_dynamic_provider.database.workflow_view import look_at_workflow
from airflow_dynamic_provider.definitions.keys import render_key

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from airflow_dynamic_provider.database.clearing import ToClear
    from airflow_dynamic_provider.database.matrix import Row
    from airflow_dynamic_provider.database.progress import Progress
    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.selection import Selection
    from airflow_dynamic_provider.database.structure import SpaceInfo

Document = dict[str, Any]

# The number of keys that are read at once.
_AT_ONCE = 400


def list_outputs(run: OpenRun) -> Document:
    """Return the dynamic outputs and workflows of a run, with counts of their states."""
    return {
        "run": {"dag_id": run.dag_id, "run_id": run.run_id, "state": name_of_state(run.dag_run.state)},
        "outputs": [_describe_space(run, info) for info in run.structure.spaces.values()],
        "workflows": [_describe_workflow(run, name) for name in run.structure.workflows],
    }


def list_keys(
    run: OpenRun, *, of: str | None = None, state: Collection[str] = (), match: str = "", limit: int = 1000
) -> Document:
    """Return the keys of a run in the order in which they were produced.

    Args:
        run: The Dag run.
        of: The key space; ``None`` for all.
        state: The states to show; empty for all.
        match: A pattern that whole keys must match; empty for all.
        limit: The maximum number of keys.

    Raises:
        UnknownNameError: There is no such key space.
    """
    matrices = [Matrix(run.source, info) for info in chosen_spaces(run, of)]
    query = Query(match=match, states=state)
    found = (_describe_row(matrix.info, row) for matrix in matrices for row in _rows(matrix, query))
    return {
        "keys": list(islice(found, limit)),
        "is_more": next(found, None) is not None,
        "messages": [message for matrix in matrices if (message := matrix.keys.message)],
    }


def show_key(run: OpenRun, *, key: str, of: str | None = None) -> Document:
    """Return a key: its origin, its metadata and its task instances.

    Args:
        run: The Dag run.
        key: The key, ``outer/inner`` or a JSON list.
        of: The key space; ``None`` for the only one that has such a key.

    Raises:
        UnknownNameError: There is no such key space or key.
        AmbiguousNameError: Several spaces have such a key, or the space has several.
    """
    named = find_key(run, key, of)
    info, (path,) = named.info, named.paths
    position = named.keys.positions[path]
    cells = Cells(run.source, info, named.keys).at([position])
    said = metadata_of_cells(run.source, {position: path}, cells)
    produced = key_metadata(run.source, info, path, position)
    own = {task_id: said.get((task_id, position)) for task_id in info.task_ids}
    metadata = describe_metadata(path, produced, own)
    outputs = {task["task_id"]: task["outputs"] for task in metadata["tasks"]}
    return {
        "key": metadata["key"],
        "key_path": metadata["key_path"],
        "of": info.of,
        "name": info.name,
        "kind": info.kind,
        "position": position,
        "origins": [vars(origin) for origin in find_origins(run, info, path)],
        "metadata": metadata["metadata"],
        "task_instances": [
            {**describe_cell(task_id, cell), "metadata": outputs.get(task_id, {})}
            for task_id, cell in cells[position].items()
        ],
    }


def explain_run(run: OpenRun, *, of: str | None = None) -> Document:
    """Return why keys and tasks failed, grouped by their errors.

    Args:
        run: The Dag run.
        of: The key space; ``None`` for all.

    Raises:
        UnknownNameError: There is no such key space.
    """
    found = group_failures(run, chosen_spaces(run, of) if run.structure.spaces or of else ())
    groups = [
        {
            "count": len(group.names),
            "task_id": group.task_id,
            "of": group.of,
            "error": group.error,
            "keys": group.names,
        }
        for group in found.groups
    ]
    return {"groups": groups, "left_out": found.left_out}


def explain_key(run: OpenRun, *, key: str, of: str | None = None) -> Document:
    """Return why the task instances of a key failed or did not run, with their tracebacks.

    Args:
        run: The Dag run.
        key: The key, ``outer/inner`` or a JSON list.
        of: The key space; ``None`` for the only one that has such a key.

    Raises:
        UnknownNameError: There is no such key space or key.
        AmbiguousNameError: Several spaces have such a key, or the space has several.
    """
    named = find_key(run, key, of)
    position = named.keys.positions[named.paths[0]]
    cells = Cells(run.source, named.info, named.keys).at([position])[position]
    failures = [
        {
            "task_id": task_id,
            "state": cell.state,
            "error": cell.error,
            "reason": cell.reason,
            "traceback": None if cell.failure is None else cell.failure.traceback,
        }
        for task_id, cell in cells.items()
        if cell is not None and (cell.error or cell.reason)
    ]
    return {"failures": failures}


def compare_runs(run: OpenRun, *, other: str, of: str | None = None) -> Document:
    """Return the keys that differ between a run and a later one.

    Args:
        run: The Dag run to compare with.
        other: The later run, or ``latest``.
        of: The key space; ``None`` for all that both runs have.

    Raises:
        UnknownNameError: There is no such key space or run.
    """
    later = open_named_run(run.session, run.dag_id, other)
    names = [info.of for info in chosen_spaces(run, of)]
    if of is not None:
        later.space(of)
    pairs = [
        (Matrix(later.source, later.space(name)), Matrix(run.source, run.space(name)))
        for name in names
        if name in later.structure.spaces
    ]
    return {
        "run_id": run.run_id,
        "other": later.run_id,
        "differences": [each for this, before in pairs for each in _differences(this, before)],
        "messages": [
            f"{matrix.info.of} in {matrix.source.run_id}: {message}"
            for pair in pairs
            for matrix in pair
            if (message := matrix.keys.message)
        ],
    }


def find_to_clear(run: OpenRun, selection: Selection) -> Document:
    """Return the task instances that would run again.

    Raises:
        UnknownNameError: There is nothing of a name.
        AmbiguousNameError: A name has several meanings.
    """
    return describe_clearing(selection.find(run))


def clear_selected(run: OpenRun, selection: Selection, *, keep_results: bool) -> Document:
    """Clear the selected task instances with what depends on them, and return them as they were before.

    Args:
        run: The Dag run.
        selection: What to run again.
        keep_results: Whether cached tasks may use results that are kept.

    Raises:
        UnknownNameError: There is nothing of a name.
        AmbiguousNameError: A name has several meanings.
        LayoutError: Another release has stored what became of the other keys of a batch.
        ReadError: What became of the other keys of a batch cannot be loaded.
    """
    to_clear = selection.find(run)
    before = describe_clearing(to_clear)
    clear(run, to_clear, keep_results=keep_results)
    return before


def describe_clearing(to_clear: ToClear) -> Document:
    """Return the task instances that would run again."""
    return {
        "task_instances": [
            {
                "task_id": instance.task_id,
                "map_index": instance.map_index,
                "name": to_clear.label(instance),
                "state": instance.state or "",
            }
            for instance in to_clear.first()
        ],
        "warning": to_clear.warning,
    }


#: Question -> the function that answers it. Each has a route of the same name.
ANSWERS: dict[str, Callable[..., Document]] = {
    "outputs": list_outputs,
    "keys": list_keys,
    "key": show_key,
    "failures": explain_run,
    "failures-of-key": explain_key,
    "differences": compare_runs,
}


def _describe_space(run: OpenRun, info: SpaceInfo) -> Document:
    matrix = watched_matrix(run, info)
    paths = matrix.keys.paths
    return {
        "of": info.of,
        "name": info.name,
        "kind": info.kind,
        "keys": None if paths is None else len(paths),
        "counts": matrix.counts,
        "progress": [_describe_progress(*each) for each in read_progress(run, matrix).items()],
        "description": info.description,
        "message": matrix.keys.message,
    }


def _describe_progress(task_id: str, progress: Progress) -> Document:
    return {
        "task_id": task_id,
        "keys": progress.total,
        "done": progress.done,
        "failed": progress.failed,
        "running": progress.running,
        "waiting": progress.waiting,
        "summary": progress.summary,
        "estimate": progress.estimate,
    }


def _describe_workflow(run: OpenRun, name: str) -> Document:
    view = look_at_workflow(run, name)
    return {
        "workflow": name,
        "is_mapped": view.spec.is_mapped,
        "nodes": view.count,
        "counts": view.counts,
        "state": view.state,
        "from_run": view.from_run(()) if () in view.roots else None,
        "message": view.message,
    }


def _rows(matrix: Matrix, query: Query) -> Iterator[Row]:
    positions = matrix.choose(query)
    for start in range(0, len(positions), _AT_ONCE):
        yield from matrix.rows(positions[start : start + _AT_ONCE])


def _differences(this: Matrix, before: Matrix) -> Iterator[Document]:
    for kind, changes in vars(compare(this, before)).items():
        for change in changes:
            yield {
                "of": this.info.of,
                "change": kind.replace("_", " "),
                "key": render_key(change.path),
                "key_path": list(change.path),
                "seconds_before": change.before,
                "seconds": change.now,
            }


def _describe_row(info: SpaceInfo, row: Row) -> Document:
    return {
        "of": info.of,
        "key": render_key(row.key_path),
        "state": row.state or "none",
        "seconds": row.duration,
        "key_path": list(row.key_path),
        "task_instances": [describe_cell(task_id, cell) for task_id, cell in row.cells.items()],
    }
