"""The column for the results of a batched task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.states import FAILED, MARKED, NEVER_STARTED, SKIPPED, SUCCESS
from airflow_dynamic_provider.errors import CollectError
from airflow_dynamic_provider.execution.batch_records.outcomes import (
    is_stopped_by,
    outcome_of_started,
    outcome_of_unstarted,
)
from airflow_dynamic_provider.execution.batch_records.reading import batch_of, records_of
from airflow_dynamic_provider.execution.columns.column import Column
from airflow_dynamic_provider.execution.failures import pull_failure
from airflow_dynamic_provider.execution.pages import keep_pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from airflow_dynamic_provider.execution.batch_records.reading import BatchRecords
    from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord
    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.failures import KeyFailure
    from airflow_dynamic_provider.execution.spaces import Batches, Origin


class BatchedColumn(Column):
    """The results of a batched task.

    Args:
        reader: Reads the keys and the states.
        clone: The task.
        output: The output whose values are read. Those of a dynamic output are its keys.
    """

    def __init__(self, reader: Reader, clone: CloneSpec | Origin, output: str) -> None:
        assert clone.batches is not None
        self._reader = reader
        self._clone = clone
        self._batches: Batches = clone.batches
        self._output = output
        self._known: tuple[tuple[str, int], BatchRecords] | None = None
        self._states: dict[tuple[str, int], str | None] = {}
        self._failures: dict[int, KeyFailure | None] = {}
        # One page has the batches of a thousand keys.
        self._places = dict(reader.context)
        keep_pages(self._places)

    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return the states. One API call for each stored chunk that has one of the keys."""
        return [self._outcome(index) for index in indexes]

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the results. One API call for each stored chunk that has one of the keys."""
        return [self._value(index) for index in indexes]

    def fetch(self, indexes: Sequence[int]) -> dict[int, tuple[str, Any]]:
        """Return the results. One API call for each stored chunk that has one of the keys."""
        found: dict[int, tuple[str, Any]] = {}
        for index in indexes:
            outcome = self._result(index)
            found[index] = (outcome, self._value(index) if outcome == SUCCESS else None)
        return found

    def error(self, index: int) -> str | None:
        """Return the error of a key that failed, if it is stored. See `failure` for the calls."""
        failure = self.failure(index, self._record(self._clone.task_id, self._number(index), index))
        return None if failure is None else str(failure)

    def failure(self, index: int, record: KeyRecord | None) -> KeyFailure | None:
        """Return the error of a key that failed, or of its batch, if that failed before any of its keys ran.

        It makes one API call to read the error of a batch, when it is asked about the first of its keys.
        """
        if record is not None:
            return record.failure
        number = self._number(index)
        if number not in self._failures:
            self._failures[number] = pull_failure(self._reader.context, self._clone.task_id, number)
        return self._failures[number]

    def records(self, indexes: Sequence[int]) -> Iterator[tuple[int, str, KeyRecord | None]]:
        """Yield the keys with their outcomes, and what is stored about them.

        One API call for each stored chunk that has one of the keys.
        """
        for index in indexes:
            yield (index, *self._found(index))

    def value_of(self, index: int) -> Any:
        """Return the value of a key that `records` has just yielded. No API call."""
        return self._value(index)

    def survey(self, indexes: Sequence[int]) -> list[str]:
        """Return which keys have a result. One API call for each chunk of the batches that have the keys."""
        return [self._result(index) for index in indexes]

    def state(self, index: int) -> str:
        """Return the state of a key. It is success if its batch was marked as success."""
        outcome = self._outcome(index)
        return SUCCESS if outcome == MARKED else outcome

    def _result(self, index: int) -> str:
        """Return the outcome of a key: skipped if it did not produce an optional output."""
        outcome = self._outcome(index)
        if outcome == SUCCESS and self._output in getattr(self._clone, "optional_outputs", ()):
            record = self._record(self._clone.task_id, self._number(index), index)
            return outcome if record is not None and self._output in record.values else SKIPPED
        return outcome

    def _outcome(self, index: int) -> str:
        return self._found(index)[0]

    def _found(self, index: int) -> tuple[str, KeyRecord | None]:
        """Return the outcome of a key, and what is stored about it."""
        number = self._number(index)
        state = self._state(number)
        if state in NEVER_STARTED:
            return self._of_unstarted(index, number, str(state))
        if state not in (SUCCESS, FAILED):
            raise self._error(index, *_unfinished(self._clone.task_id, state))
        record = self._record(self._clone.task_id, number, index)
        has_records = bool(self._records(self._clone.task_id, number))
        outcome = outcome_of_started(state, record, has_records=has_records)
        if outcome is None:
            raise self._error(
                index,
                "its batch succeeded, but has no result for it",
                f"Clear {self._clone.task_id!r} with its downstream tasks.",
            )
        return outcome, record

    def _state(self, number: int) -> str | None:
        """Return the state of a batch. What reads only some keys reads only the states of their batches."""
        task_id = self._clone.task_id
        if self._reader.reads_all:
            return self._reader.state(task_id, number)
        return self._state_at(task_id, number)

    def _state_at(self, task_id: str, number: int) -> str | None:
        """Return the state of a batch or of its gate. One API call, the first time."""
        if (task_id, number) not in self._states:
            states = xcom.read_states_at(self._reader.context, [task_id], number)
            self._states[task_id, number] = xcom.state_at(states, task_id, number)
        return self._states[task_id, number]

    def _of_unstarted(self, index: int, number: int, state: str) -> tuple[str, KeyRecord | None]:
        """Return what became of a key whose batch the scheduler ended, or whose keys were all skipped."""
        gate_id = self._batches.gate_id
        if gate_id is None:
            return state, None
        is_stopped = is_stopped_by(self._state_at(gate_id, number))
        if not is_stopped and state != SKIPPED:
            # Nothing is stored.
            return state, None
        record = self._record(gate_id if is_stopped else self._clone.task_id, number, index)
        return outcome_of_unstarted(state, record, is_stopped=is_stopped), record

    def _value(self, index: int) -> Any:
        record = self._record(self._clone.task_id, self._number(index), index)
        if record is not None and self._output in record.items:
            return record.produced_keys(self._output, self._number(index))
        if record is None or self._output not in record.values:
            raise self._error(
                index,
                "its batch stored no value for it",
                f"Clear {self._clone.task_id!r} with its downstream tasks.",
            )
        return record.values[self._output]

    def _number(self, index: int) -> int:
        number = batch_of(self._places, self._batches.cut, index)
        if number is None:
            raise self._error(
                index,
                "no batch has it",
                f"Clear {self._batches.cut.task_id!r} with its downstream tasks.",
            )
        return number

    def _record(self, task_id: str, number: int, index: int) -> KeyRecord | None:
        record = self._records(task_id, number).at(index)
        key = self._reader.key_at(self._clone.space, index)
        if record is not None and record.key_path != key:
            raise self._error(
                index,
                f"its batch ran the key {render_key(record.key_path)!r} in this place, not this one",
                f"Clear {self._clone.task_id!r} with its downstream tasks.",
            )
        return record

    def _records(self, task_id: str, number: int) -> BatchRecords:
        # Keys are read in order, so one batch at a time is enough.
        if self._known is None or self._known[0] != (task_id, number):
            self._known = ((task_id, number), records_of(self._reader.context, task_id, number))
        return self._known[1]

    def _error(self, index: int, problem: str, remedy: str) -> CollectError:
        return CollectError(
            problem,
            task_id=self._clone.task_id,
            output_name=self._output,
            mapping_key=render_key(self._reader.key_at(self._clone.space, index)),
            remedy=remedy,
        )


def _unfinished(task_id: str, state: str | None) -> tuple[str, str]:
    """Return the problem and the remedy of a key whose batch has not ended."""
    if state is None:
        return "no batch ran for this key", f"Clear {task_id!r} with its downstream tasks."
    return (
        f"its batch is still {state}",
        "Leave the collector's trigger rule at its default, so that it waits.",
    )
