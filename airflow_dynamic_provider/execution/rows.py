"""Reads the results of a task's clones: all at once, or some of them, by map index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.execution import layout, xcom

if TYPE_CHECKING:
    from collections.abc import MutableMapping


class ResultRows:
    """The XComs that a task's clones stored under one key, in the order of their map index."""

    def __init__(self, context: MutableMapping[str, Any], task_id: str, xcom_key: str) -> None:
        self._address = (context, task_id, xcom_key)
        # Where reading on would begin, and the map index of the row before.
        self._offset = 0
        self._last = -1

    def all(self) -> list[Any]:
        """Return all rows. One API call."""
        return xcom.pull_all(*self._address)

    def count(self) -> int:
        """Return how many rows there are. One API call."""
        return xcom.count(*self._address)

    def between(self, first: int, last: int, gaps: int, size: int) -> dict[int, layout.StoredResult]:
        """Return map index -> row, for at least those from ``first`` to ``last``.

        Args:
            first: The first map index.
            last: The last map index.
            gaps: How many before the first may have no row.
            size: How many rows to read at a time.
        """
        if not self._last < first <= self._last + size:
            self._offset = self._search(first, max(0, first - gaps), first)
        rows: dict[int, layout.StoredResult] = {}
        while True:
            page = self._slice(self._offset, self._offset + size)
            rows.update({row.map_index: row for row in page if first <= row.map_index <= last})
            if page:
                self._offset, self._last = self._offset + len(page), page[-1].map_index
            if len(page) < size or self._last >= last:
                return rows

    def _search(self, first: int, low: int, high: int) -> int:
        """Return how many rows there are before a map index."""
        while low < high:
            middle = (low + high) // 2
            row = self._slice(middle, middle + 1)
            if not row or row[0].map_index >= first:
                high = middle
            else:
                low = middle + 1
        return low

    def _slice(self, start: int, stop: int) -> list[layout.StoredResult]:
        return [layout.StoredResult.unpack(row) for row in xcom.pull_slice(*self._address, start, stop)]
