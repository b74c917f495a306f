"""Makes the checks of a gate, in its process: which clones stop its key, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import FAILED, SUCCESS
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime
from airflow_dynamic_provider.execution.collecting import indexes_under, own_prefix
from airflow_dynamic_provider.execution.columns.making import make_column
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.gates import Below, Check, SameKey
from airflow_dynamic_provider.execution.shaping import find
from airflow_dynamic_provider.execution.sources import ResultSource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The state of a clone that stops the key, and an explanation.
Reason = tuple[str, str]


def read_states(context: Any, checks: Sequence[Check]) -> Reader:
    """Return a reader with the states that matter to the key of the running gate.

    One API call for the states below the key, and one for each position whose state matters.
    """
    return Reader(context, _read_states(context, checks, context[RUNTIME_KEY]))


def find_reasons(reader: Reader, checks: Sequence[Check]) -> list[Reason]:
    """Return a reason for each clone that stops the key of the running gate."""
    runtime: CloneRuntime = reader.context[RUNTIME_KEY]
    reasons: list[Reason] = []
    for check in checks:
        reasons += (
            _reasons_of_key(check, reader, runtime)
            if isinstance(check, SameKey)
            else _reasons_below(check, reader)
        )
    return reasons


def _reasons_of_key(check: SameKey, reader: Reader, runtime: CloneRuntime) -> Iterator[Reason]:
    column = make_column(reader, ResultSource(check.clone, ""))
    for state in column.outcomes(check.positions(runtime)):
        if state != SUCCESS:
            yield state, f"{check.clone.task_id!r} is {state} for this key"


def _reasons_below(check: Below, reader: Reader) -> Iterator[Reason]:
    prefix = own_prefix(reader.context, check.source.space)
    indexes = indexes_under(reader, check.source.space, prefix)
    outcomes = make_column(reader, check.source).outcomes(indexes)
    found = find(reader, check.source, prefix, indexes, outcomes)
    if (state := found.missing.get(prefix)) == SUCCESS:
        yield (
            FAILED,
            f"the task that produces the keys of {check.source} was marked as success and left no keys",
        )
    elif state is not None:
        yield state, f"the task that produces the keys of {check.source} is {state} for this key"
    elif found.failures and not check.tolerates_failures:
        yield FAILED, f"{len(found.failures)} clones of {check.source} failed below this key"


def _read_states(context: Any, checks: Sequence[Check], runtime: CloneRuntime) -> xcom.States:
    """Return the states that matter. A check of this key alone needs those of single clones."""
    below = {task_id for check in checks if isinstance(check, Below) for task_id in check.task_ids}
    states = xcom.read_states(context, sorted(below)) if below else {}
    at: dict[int, set[str]] = {}
    for check in checks:
        if isinstance(check, SameKey) and not check.task_ids <= below:
            for position in check.positions(runtime):
                at.setdefault(position, set()).update(check.task_ids)
    for position, task_ids in sorted(at.items()):
        states |= xcom.read_states_at(context, sorted(task_ids), position)
    return states
