"""Finds what runs again when keys of a dynamic output are cleared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.clearing import ToClear, with_downstream
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.runs import unknown
from airflow_dynamic_provider.definitions.keys import render_key, render_label
from airflow_dynamic_provider.execution.states import FAILURES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from airflow_dynamic_provider.database.cells import Cell
    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.execution.spaces import KeyPath


@dataclass(frozen=True)
class KeySelection:
    """What is to be cleared.

    Attributes:
        of: The key space.
        keys: The key paths; all, if there are none.
        only_failed: Whether to start from the clones that failed, instead of all clones of a key.
    """

    of: str
    keys: Sequence[KeyPath] = ()
    only_failed: bool = False


def find_keys(run: OpenRun, selection: KeySelection) -> ToClear:
    """Return what would run again: the clones of the keys, and what depends on them.

    Raises:
        UnknownNameError: There is no such key space or key.
    """
    info = run.space(selection.of)
    matrix = Matrix(run.source, info)
    positions = _positions(matrix, selection.keys)
    cells = matrix.cells.at(positions)
    starts = [
        (task_id, position)
        for position in positions
        for task_id, cell in cells[position].items()
        if not selection.only_failed or _failed(cell)
    ]
    if not selection.only_failed:
        starts += [(task_id, position) for position in positions for task_id in info.helpers]
    paths = matrix.keys.paths or ()
    labels = {
        (task_id, position): render_label(paths[position])
        for task_id in (*info.task_ids, *info.helpers)
        for position in range(len(paths))
    }
    return with_downstream(run, starts, starts, labels)


def _positions(matrix: Matrix, keys: Collection[KeyPath]) -> list[int]:
    known = matrix.keys.positions
    if not keys:
        return list(known.values())
    return [position for key in keys for position in _below(matrix, key)]


def _below(matrix: Matrix, key: KeyPath) -> Iterator[int]:
    """Return the position of a key, or those of all keys below it.

    Raises:
        UnknownNameError: There is none.
    """
    known = matrix.keys.positions
    found = [position for path, position in known.items() if path[: len(key)] == key]
    if not found:
        names = map(render_key, known)
        raise unknown(f"key {render_key(key)!r}", f"{matrix.info.of!r}", render_key(key), names)
    yield from found


def _failed(cell: Cell | None) -> bool:
    return cell is not None and cell.state in FAILURES
