"""The column for the results of a cloned task below one key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.attempts import outdated_positions
from airflow_dynamic_provider.execution.collected import PAGE_SIZE
from airflow_dynamic_provider.execution.columns.results import ResultColumn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.execution.layout import StoredResult
    from airflow_dynamic_provider.execution.spaces import KeyPath


class ResultColumnBelow(ResultColumn):
    """The results of a cloned task below one key. It reads no result of another key.

    A result is where its clone is, unless the keys were produced again and the clones did not run again. Then
    the column refuses, and somebody who reads all results may find it.
    """

    def survey(self, indexes: Sequence[int]) -> list[str]:
        """Return which keys have a result. It makes the calls of `fetch`, and keeps no value."""
        judged = self._judge(indexes, (replace(row, value=None) for row in self._read(indexes)))
        return [judged[index][0] for index in indexes]

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the results. It makes the calls of `fetch`."""
        keys = self._reader.keys(self._clone.space)
        rows = {row.map_index: row for row in self._read(indexes)}
        for index in indexes:
            if index not in rows or rows[index].key_path != keys[index]:
                raise self._without_result(index, rows[index].key_path if index in rows else None)
        return [rows[index].value for index in indexes]

    def _rows_with_values(self, indexes: Sequence[int]) -> Iterable[StoredResult]:
        return self._read(indexes)

    def _read(self, indexes: Sequence[int]) -> Iterator[StoredResult]:
        """Yield the results that the clones at some positions have stored, if they have succeeded.

        One API call for each page of results, and one for each key if earlier clones stored no result; for
        more than 64 keys, about 15 instead.
        """
        for run in _runs(indexes):
            yield from self._read_run([index for index in run if self._state(index) == SUCCESS])

    def _read_run(self, wanted: Sequence[int]) -> Iterator[StoredResult]:
        """Yield the results at some positions that are close to each other."""
        if not wanted:
            return
        # If all earlier clones stored a result, the position of a row is the map index.
        rows = self._rows.at_offset(wanted)
        yield from rows.values()
        missing = [index for index in wanted if index not in rows]
        if len(missing) > xcom.FEW:
            yield from self._rows.at(missing, missing[0], PAGE_SIZE, is_close=True).values()
        else:
            yield from filter(None, map(self._read_one, missing))

    def _read_one(self, index: int) -> StoredResult | None:
        xcom_key = layout.result_xcom(self._output)
        stored = xcom.pull(self._reader.context, self._clone.task_id, xcom_key, index)
        return None if stored is None else layout.StoredResult.unpack(stored)

    def _outdated(self, indexes: Sequence[int]) -> set[int]:
        are_few = len(indexes) <= xcom.FEW
        return outdated_positions(self._reader.context, self._clone, indexes, are_few=are_few)

    def _check_marked(self, index: int, holders: Mapping[int, KeyPath]) -> None:
        # Its result may be at another position.
        raise self._without_result(index, holders.get(index))


def _runs(indexes: Iterable[int]) -> list[list[int]]:
    """Split positions into runs of positions that follow each other, none longer than a page."""
    runs: list[list[int]] = []
    for index in indexes:
        if runs and runs[-1][-1] + 1 == index and len(runs[-1]) < PAGE_SIZE:
            runs[-1].append(index)
        else:
            runs.append([index])
    return runs
