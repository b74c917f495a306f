"""The column for the results of a cloned task."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.definitions.states import MARKED, REMOVED, SEVERITY, SKIPPED, SUCCESS
from airflow_dynamic_provider.errors import CollectError
from airflow_dynamic_provider.execution.attempts import attempt_of_keys, outdated_positions
from airflow_dynamic_provider.execution.collected import PAGE_SIZE
from airflow_dynamic_provider.execution.columns.column import AT_ONCE, Column
from airflow_dynamic_provider.execution.layout import StoredResult, result_xcom
from airflow_dynamic_provider.execution.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.sources import ResultSource
    from airflow_dynamic_provider.execution.spaces import KeyPath


# The number of clones of a key in which its error is looked for.
_MOST_UPSTREAM = 5


class ResultColumn(Column):
    """The results of a cloned task."""

    def __init__(self, reader: Reader, source: ResultSource) -> None:
        self._reader = reader
        self._clone = source.clone
        self._output = source.output
        self._rows = Rows(reader.context, source.task_id, result_xcom(source.output), StoredResult.unpack)
        # Index of a key -> map index of its result, as `survey` found it. Without a survey, both are equal.
        self._places: dict[int, int] | None = None

    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return the states. One API call, and up to two more if the keys were produced again."""
        return [self._final(index, self._state(index)) for index in self._current(indexes)]

    def error(self, index: int) -> str | None:
        """Return the error of the clone, or of the nearest upstream clone of its key that stored one.

        One API call for each of at most five of these clones.
        """
        # Imported here, because only a collector that fails asks.
        from airflow_dynamic_provider.execution.failures import pull_failure

        for task_id in islice(_upstream_ids(self._clone), _MOST_UPSTREAM):
            failure = pull_failure(self._reader.context, task_id, index)
            if failure is not None:
                return str(failure)
        return None

    def fetch(self, indexes: Sequence[int]) -> dict[int, tuple[str, Any]]:
        """Return the results by key, at any map index. One API call, and up to three more after failures.

        If there are more than `AT_ONCE` clones, it makes a call for each page. It also makes a call for each
        clone that was marked as success.
        """
        return {
            index: (outcome, row.value if row is not None and outcome == SUCCESS else None)
            for index, (outcome, row) in self.results(indexes).items()
        }

    def results(self, indexes: Sequence[int]) -> dict[int, tuple[str, StoredResult | None]]:
        """Return index -> (outcome, result as it is stored). It makes the calls of `fetch`."""
        return self._judge(indexes, self._rows_with_values(indexes))

    def survey(self, indexes: Sequence[int]) -> list[str]:
        """Return which keys have a result. Two API calls.

        If the output is optional, a clone was marked as success, or the keys were produced again, it makes a
        call for each page of results, to find which results there are, and where. It keeps no page in memory.
        """
        if not indexes:
            return []
        is_listed_again = attempt_of_keys(self._reader.context, self._clone.space) > 1
        if not is_listed_again and self._has_all_results:
            return self.outcomes(indexes)
        rows = self._rows_to(self._last_success) if is_listed_again else self._rows_of(indexes)
        judged = self._judge(indexes, (replace(row, value=None) for row in rows))
        self._places = {
            index: row.map_index
            for index, (outcome, row) in judged.items()
            if row is not None and outcome == SUCCESS
        }
        return [judged[index][0] for index in indexes]

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the results. One API call, and about 15 more for a jump past clones that stored no result.

        If keys were produced again in another order and their clones did not run again, it makes a call for
        each page between the first and the last result.
        """
        keys = self._reader.keys(self._clone.space)
        places = list(indexes) if self._places is None else [self._places[index] for index in indexes]
        wanted = sorted(places)
        is_close = places == list(indexes)
        rows = self._rows.at(wanted, self._gaps_before(wanted[0]), PAGE_SIZE, is_close=is_close)
        for index, place in zip(indexes, places, strict=True):
            if place not in rows or rows[place].key_path != keys[index]:
                raise self._without_result(index, rows[place].key_path if place in rows else None)
        return [rows[place].value for place in places]

    @property
    def _has_all_results(self) -> bool:
        """Whether every successful clone stored a result with a value. One API call."""
        if self._output in self._clone.optional_outputs:
            return False
        count = len(self._reader.keys(self._clone.space))
        return self._rows.count() == sum(self._state(position) == SUCCESS for position in range(count))

    def _gaps_before(self, position: int) -> int:
        """Return the maximum number of clones before a position that stored no result."""
        if self._places is not None:
            return position
        return sum(self._state(before) != SUCCESS for before in range(position))

    def _rows_with_values(self, indexes: Sequence[int]) -> Iterable[StoredResult]:
        """Return the results that may belong to some keys: all results."""
        count = 1 + max((at for task, at in self._reader.states if task == self._clone.task_id), default=-1)
        return self._rows_to(self._last_success) if count > AT_ONCE else self._rows.all()

    def _rows_to(self, last: int) -> Iterable[StoredResult]:
        return self._rows.between(0, last, 0, PAGE_SIZE)

    def _rows_of(self, indexes: Sequence[int]) -> Iterable[StoredResult]:
        # Every clone before the first index may have stored no result.
        return self._rows.between(indexes[0], indexes[-1], indexes[0], PAGE_SIZE)

    @property
    def _last_success(self) -> int:
        wanted = (self._clone.task_id, SUCCESS)
        states = self._reader.states.items()
        return max((at for (task_id, at), state in states if (task_id, state) == wanted), default=-1)

    def _judge(
        self, indexes: Sequence[int], rows: Iterable[StoredResult]
    ) -> dict[int, tuple[str, StoredResult | None]]:
        """Return index -> (outcome, result), from all results that may belong to the keys."""
        keys = self._reader.keys(self._clone.space)
        results: dict[KeyPath, StoredResult] = {}
        holders: dict[int, KeyPath] = {}
        for row in rows:
            # A clone that did not succeed in its current attempt may still have an earlier result.
            if self._state(row.map_index) != SUCCESS:
                continue
            holders[row.map_index] = row.key_path
            # So may a clone that was marked as success before it ran again. The key's own clone has priority.
            if row.key_path not in results or _is_at(keys, row):
                results[row.key_path] = row
        absent = [index for index in indexes if keys[index] not in results]
        found: dict[int, tuple[str, StoredResult | None]] = {}
        for index in self._current([index for index in absent if self._state(index) != SUCCESS]):
            found[index] = (self._final(index, self._state(index)), None)
        for index in indexes:
            read = results.get(keys[index])
            if read is not None:
                found[index] = (SUCCESS if read.is_produced else SKIPPED, read)
            elif index not in found:
                self._check_marked(index, holders)
                found[index] = (MARKED, None)
        return found

    def _state(self, position: int) -> str | None:
        return self._reader.state(self._clone.task_id, position)

    def _current(self, indexes: Sequence[int]) -> Sequence[int]:
        for index in sorted(self._outdated(indexes)):
            if self._state(index) == SUCCESS and self._holds_nothing(index):
                # It was marked as success before it began.
                continue
            raise self._error(
                index,
                "its clone has not run since the keys were produced again",
                f"Clear {self._clone.task_id!r} with its downstream tasks.",
            )
        return indexes

    def _outdated(self, indexes: Sequence[int]) -> set[int]:
        return outdated_positions(self._reader.context, self._clone, indexes)

    def _check_marked(self, index: int, holders: Mapping[int, KeyPath]) -> None:
        """Refuse a key whose clone succeeded without a result, unless the clone was marked as success.

        Raises:
            CollectError: The clone ran to its end for another key, or its result was deleted.
        """
        if index in holders or not self._holds_nothing(index):
            raise self._without_result(index, holders.get(index))

    def _holds_nothing(self, index: int) -> bool:
        # Imported here, because a clone that succeeded has a result, unless a person marked it.
        from airflow_dynamic_provider.execution.marked import holds_nothing

        return holds_nothing(self._reader.context, self._clone, index)

    def _final(self, index: int, state: str | None) -> str:
        if state in SEVERITY:
            return state
        if state in (None, REMOVED):
            remedy = f"Clear {self._clone.task_id!r} with its downstream tasks."
            raise self._error(index, "no clone ran for this key", remedy)
        remedy = "Leave the collector's trigger rule at its default, so that it waits."
        raise self._error(index, f"its clone is still {state}", remedy)

    def _without_result(self, index: int, holder: KeyPath | None) -> CollectError:
        problem = "its clone succeeded, but its result no longer exists"
        if holder is not None:
            problem = f"its clone ran for the key {render_key(holder)!r}, not for this one"
        return self._error(index, problem, f"Clear {self._clone.task_id!r} with its downstream tasks.")

    def _error(self, index: int, problem: str, remedy: str) -> CollectError:
        key = render_key(self._reader.keys(self._clone.space)[index])
        return CollectError(
            problem,
            task_id=self._clone.task_id,
            output_name=self._output,
            mapping_key=key,
            remedy=remedy,
        )


def _upstream_ids(clone: CloneSpec) -> Iterator[str]:
    """Yield a clone and the clones of its key upstream of it, the nearest first."""
    todo, seen = [clone], {clone.task_id}
    while todo:
        each = todo.pop(0)
        yield each.task_id
        others = [other for other in each.same_key if other.task_id not in seen]
        seen |= {other.task_id for other in others}
        todo += others


def _is_at(keys: Sequence[KeyPath], result: StoredResult) -> bool:
    return result.map_index < len(keys) and keys[result.map_index] == result.key_path
