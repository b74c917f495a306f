"""Reads the results of a task's clones by map index, all at once or some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from airflow_dynamic_provider.airflow_adapter import xcom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping, Sequence


class _Row(Protocol):
    """A stored document that tells the map index of its task instance."""

    @property
    def map_index(self) -> int: ...


R = TypeVar("R", bound=_Row)


class Rows(Generic[R]):
    """The XComs that a task's clones stored under one key, in the order of their map index.

    Airflow slices a sequence of XComs by the position of the rows, and does not count clones without an XCom.
    A later Airflow (apache/airflow pull request 72007) slices it by map index, with holes for these clones.
    So the clone of a row is known only from the row itself, and not from the position or the number of rows.
    In both cases, the row at an offset has this map index or a higher one.

    Args:
        context: Airflow's task context.
        task_id: The task.
        xcom_key: The key of the XComs.
        unpack: Reads the stored form of a row.
    """

    def __init__(
        self, context: MutableMapping[str, Any], task_id: str, xcom_key: str, unpack: Callable[[Any], R]
    ) -> None:
        self._address = (context, task_id, xcom_key)
        self._unpack = unpack
        # The offset at which the next read begins, and the map index of the row before it.
        self._offset = 0
        self._last = -1
        # Only a sequence that is sliced by map index has holes.
        self._has_holes = False

    def all(self) -> Iterator[R]:
        """Return an iterator over all rows. One API call."""
        return map(self._unpack, xcom.pull_all(*self._address))

    def count(self) -> int:
        """Return the number of rows. One API call."""
        return xcom.count(*self._address)

    def at_offset(self, positions: Sequence[int]) -> dict[int, R]:
        """Return map index -> row, for the given map indexes whose row is found without a search.

        Other rows are not found if clones before them have no row. One API call.

        Args:
            positions: The map indexes, in ascending order.
        """
        wanted = set(positions)
        page = self._slice(positions[0], positions[-1] + 1)
        return {row.map_index: row for row in page if row is not None and row.map_index in wanted}

    def at(self, positions: Sequence[int], gaps: int, size: int, *, is_close: bool) -> dict[int, R]:
        """Return map index -> row, for the given map indexes that have a row.

        Args:
            positions: The map indexes, in ascending order.
            gaps: The maximum number of map indexes without a row before the first.
            size: The number of rows to read at a time.
            is_close: Whether nearly all rows between the first and the last have these map indexes.
        """
        wanted = set(positions)
        rows = self.between(positions[0], positions[-1], gaps, size, is_close=is_close)
        return {row.map_index: row for row in rows if row.map_index in wanted}

    def between(self, first: int, last: int, gaps: int, size: int, *, is_close: bool = False) -> Iterator[R]:
        """Yield the rows from one map index to another. Only some of them are in memory at a time.

        Args:
            first: The first map index.
            last: The last map index.
            gaps: The maximum number of map indexes without a row before the first.
            size: The number of rows to read at a time.
            is_close: Whether there are few rows between these map indexes. Then a sequence with holes is read
                at once, because holes need no memory.
        """
        if self._has_holes:
            self._offset = first
        elif not self._last < first <= self._last + size:
            self._offset = self._search(first, max(0, first - gaps), first)
        self._last = first - 1
        while self._offset <= last and self._last < last:
            # Do not read beyond the last row, because the next read starts where this one ends.
            stop = self._offset + min(size, last - self._last)
            if self._has_holes and is_close:
                stop = last + 1
            page = self._slice(self._offset, stop)
            self._offset = stop
            for row in page:
                if row is None:
                    continue
                self._last = row.map_index
                if first <= row.map_index <= last:
                    yield row

    def _search(self, first: int, low: int, high: int) -> int:
        """Return the highest offset that is not after any row from a map index on."""
        while low < high and not self._has_holes:
            middle = (low + high) // 2
            row = next(iter(self._slice(middle, middle + 1)), None)
            if row is None or row.map_index >= first:
                high = middle
            else:
                low = middle + 1
        return first if self._has_holes else low

    def _slice(self, start: int, stop: int) -> list[R | None]:
        page = xcom.pull_slice(*self._address, start, stop)
        self._has_holes = self._has_holes or None in page
        return [None if row is None else self._unpack(row) for row in page]
