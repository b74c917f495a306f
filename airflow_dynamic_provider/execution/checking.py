"""Makes the checks of a gate, in its process: which clones stop its key, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import FAILED, SUCCESS
from airflow_dynamic_provider.execution.below import indexes_under, own_prefix, read_below
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime
from airflow_dynamic_provider.execution.columns.making import make_column
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.gates import Below, Check, SameKey
from airflow_dynamic_provider.execution.shaping import Found, find
from airflow_dynamic_provider.execution.sources import ResultSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The state of a clone that stops the key, and an explanation.
Reason = tuple[str, str]


def read_states(context: Any, checks: Sequence[Check]) -> Reader:
    """Return a reader with the states that matter to the key of the running gate.

    One API call for each position whose state matters. What is below the key is read by a reader of its own.
    """
    runtime: CloneRuntime = context[RUNTIME_KEY]
    at: dict[int, set[str]] = {}
    for check in checks:
        if isinstance(check, SameKey):
            for index in map_indexes(context, check, check.positions(runtime)):
                at.setdefault(index, set()).update(check.task_ids)
    states: xcom.States = {}
    for index, task_ids in sorted(at.items()):
        states |= xcom.read_states_at(context, sorted(task_ids), index)
    return Reader(context, states)


def find_reasons(reader: Reader, checks: Sequence[Check]) -> list[Reason]:
    """Return a reason for each clone that stops the key of the running gate."""
    runtime: CloneRuntime = reader.context[RUNTIME_KEY]
    reasons: list[Reason] = []
    for check in checks:
        reasons += (
            _reasons_of_key(check, reader, runtime)
            if isinstance(check, SameKey)
            else reasons_below(check, _read_below(check, reader))
        )
    return reasons


def map_indexes(context: Any, check: SameKey, positions: list[int]) -> list[int]:
    """Return the map indexes of the task instances that run the clones at some positions."""
    batches = check.clone.batches
    if batches is None:
        return positions
    # Imported here, because most clones run one key.
    from airflow_dynamic_provider.execution.batch_records.reading import batch_of

    numbers = {batch_of(context, batches.cut, position) for position in positions}
    return sorted(number for number in numbers if number is not None)


def outcomes_at(reader: Reader, check: SameKey, positions: list[int]) -> list[str]:
    """Return the states of the clones at some positions."""
    return make_column(reader, ResultSource(check.clone, "")).outcomes(positions)


def _reasons_of_key(check: SameKey, reader: Reader, runtime: CloneRuntime) -> Iterator[Reason]:
    for state in outcomes_at(reader, check, check.positions(runtime)):
        if state != SUCCESS:
            yield state, f"{check.clone.task_id!r} is {state} for this key"


def _read_below(check: Below, reader: Reader) -> Found:
    def read_all() -> Reader:
        return Reader(reader.context, xcom.read_states(reader.context, sorted(check.task_ids)))

    return read_below(reader.context, check.source, lambda below: find_below(check, below), read_all)


def reasons_below(check: Below, found: Found) -> Iterator[Reason]:
    """Yield a reason if what was found below a key stops it."""
    if (state := found.missing.get(found.prefix)) == SUCCESS:
        yield (
            FAILED,
            f"the task that produces the keys of {check.source} was marked as success and left no keys",
        )
    elif state is not None:
        yield state, f"the task that produces the keys of {check.source} is {state} for this key"
    elif found.failures and not check.tolerates_failures:
        yield FAILED, f"{len(found.failures)} clones of {check.source} failed below this key"


def find_below(check: Below, reader: Reader) -> Found:
    """Return the keys below the key of the running clone, and their states."""
    prefix = own_prefix(reader.context, check.source.space)
    indexes = indexes_under(reader, check.source.space, prefix)
    outcomes = make_column(reader, check.source).outcomes(indexes)
    return find(reader, check.source, prefix, indexes, outcomes)
