"""Reads what clones without a result have stored: their errors, and their tries if they were skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.collected import PAGE_SIZE
from airflow_dynamic_provider.execution.columns.column import AT_ONCE
from airflow_dynamic_provider.execution.failures import KeyFailure, StoredFailure
from airflow_dynamic_provider.execution.layout import FAILURE_XCOM, SKIP_XCOM, StoredSkip
from airflow_dynamic_provider.execution.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.columns.reader import Reader


class _Mark(Protocol):
    @property
    def map_index(self) -> int: ...

    @property
    def key_path(self) -> tuple[str, ...]: ...


M = TypeVar("M", bound=_Mark)

# What stands for an error that a later release has stored. It belongs to no clone.
_UNREADABLE = StoredFailure(KeyFailure("", ""), 0)


def read_failures(reader: Reader, clone: CloneSpec, positions: Sequence[int]) -> dict[int, StoredFailure]:
    """Return position -> error of the clones that failed and stored it. See `read_skips` for the calls."""
    return _read(reader, clone, FAILURE_XCOM, _unpack_failure, positions)


def read_skips(reader: Reader, clone: CloneSpec, positions: Sequence[int]) -> dict[int, StoredSkip]:
    """Return position -> mark of the clones that were skipped after they had started.

    One API call, or one for each page of marks if there are more than `AT_ONCE` clones. What reads only the
    keys below another key makes one for each position instead, unless there are many.
    """
    return _read(reader, clone, SKIP_XCOM, StoredSkip.unpack, positions)


def _read(
    reader: Reader, clone: CloneSpec, xcom_key: str, unpack: Callable[[Any], M], positions: Sequence[int]
) -> dict[int, M]:
    if not positions:
        return {}
    rows = Rows(reader.context, clone.task_id, xcom_key, unpack)
    first, last = min(positions), max(positions)
    if not reader.reads_all and len(positions) <= xcom.FEW:
        marks = _one_by_one(reader, clone, xcom_key, unpack, positions)
    elif last < AT_ONCE:
        marks = rows.all()
    else:
        marks = rows.between(first, last, first, PAGE_SIZE)
    wanted = set(positions)
    # What is stored at a position may be of an earlier key.
    return {
        mark.map_index: mark
        for mark in marks
        if mark.map_index in wanted and mark.key_path == reader.key_at(clone.space, mark.map_index)
    }


def _one_by_one(
    reader: Reader, clone: CloneSpec, xcom_key: str, unpack: Callable[[Any], M], positions: Sequence[int]
) -> Iterator[M]:
    for position in positions:
        stored = xcom.pull(reader.context, clone.task_id, xcom_key, position)
        if stored is not None:
            yield unpack(stored)


def _unpack_failure(stored: Any) -> StoredFailure:
    try:
        return StoredFailure.unpack(stored)
    except LayoutError:
        return _UNREADABLE
