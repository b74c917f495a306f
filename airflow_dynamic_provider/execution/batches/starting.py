"""Decides which keys of a batch can start, from the states of their upstream clones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import FAILURES, MARKED, SEVERITY, SUCCESS, UPSTREAM_FAILED
from airflow_dynamic_provider.execution.checking import find_below, map_indexes, outcomes_at, reasons_below
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.gates import SameKey
from airflow_dynamic_provider.execution.layout import digest_xcom, unpack_length

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from airflow_dynamic_provider.execution.batches.batch import Batch
    from airflow_dynamic_provider.execution.gates import Below

# The maximum number of upstream batches whose states are read one by one.
_ONE_BY_ONE = 4

#: Position -> (state, reason) of the keys that cannot start.
Stopped = dict[int, tuple[str, str]]

#: Position, state of what stops the key there, explanation.
_Reason = tuple[int, str, str]


def find_stopped(batch: Batch) -> Stopped:
    """Return the keys that cannot start, with the state that this gives them, and the reason.

    As for a clone, a failure takes priority over a skip. It makes one API call for the states of each
    upstream task, and one for each stored chunk of an upstream batch.
    """
    batches = batch.spec.batches
    assert batches is not None
    stopped: Stopped = {}
    for check in batches.checks:
        found = _by_same_key(batch, check) if isinstance(check, SameKey) else _by_keys_below(batch, check)
        for own, state, reason in found:
            own_state = UPSTREAM_FAILED if state in FAILURES else state
            if own not in stopped or SEVERITY.index(own_state) < SEVERITY.index(stopped[own][0]):
                stopped[own] = (own_state, reason)
    return stopped


def _by_same_key(batch: Batch, check: SameKey) -> Iterator[_Reason]:
    """Yield the keys that a check of an upstream task stops."""
    needed = {own: check.positions(runtime) for own, runtime in _runtimes(batch)}
    positions = sorted({position for each in needed.values() for position in each})
    reader = Reader(batch.context, _read_states(batch, check, positions))
    states = dict(zip(positions, outcomes_at(reader, check, positions), strict=True))
    for own, others in needed.items():
        # As after a clone that was marked as success, the task runs, and fails if it needs the value.
        if (state := _worst(states, others)) not in (SUCCESS, MARKED):
            yield own, state, f"{check.clone.task_id!r} is {state} for this key"


def _by_keys_below(batch: Batch, check: Below) -> Iterator[_Reason]:
    """Yield the keys that a check of the keys below them stops. The states are read once."""
    reader = Reader(batch.context, xcom.read_states(batch.context, sorted(check.task_ids)))
    for own, runtime in _runtimes(batch):
        reader.context = {**batch.context, RUNTIME_KEY: runtime}
        for state, reason in reasons_below(check, find_below(check, reader)):
            yield own, state, reason


def _runtimes(batch: Batch) -> Iterator[tuple[int, CloneRuntime]]:
    for place in batch.places:
        yield place.position, CloneRuntime(batch.spec, place.position, place)


def _read_states(batch: Batch, check: SameKey, positions: list[int]) -> xcom.States:
    """Return the states of the upstream task instances. What it costs does not grow with those of others."""
    indexes = map_indexes(batch.context, check, positions)
    task_id, space = check.clone.task_id, check.clone.space
    if check.clone.batches is None:
        digest = xcom.pull(batch.context, space.keys_task_id, digest_xcom(space.keys_xcom))
        return xcom.read_states_of_few(batch.context, [task_id], indexes, unpack_length(digest))
    if len(indexes) > _ONE_BY_ONE:
        return xcom.read_states(batch.context, [task_id])
    states: xcom.States = {}
    for index in indexes:
        states |= xcom.read_states_at(batch.context, [task_id], index)
    return states


def _worst(states: Mapping[int, str], positions: list[int]) -> str:
    return min((states[position] for position in positions), key=SEVERITY.index, default=SUCCESS)
