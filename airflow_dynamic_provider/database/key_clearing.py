"""Finds the task instances that run again when keys of a dynamic output are cleared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.batches import BatchedKeys
from airflow_dynamic_provider.database.clearing import Pair, ToClear, with_downstream
from airflow_dynamic_provider.database.filters import chosen_by
from airflow_dynamic_provider.database.instances import read_instances
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.parts import among
from airflow_dynamic_provider.database.runs import unknown
from airflow_dynamic_provider.database.staleness import Staleness
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.states import FAILURES, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from airflow_dynamic_provider.database.filters import KeyFilter
    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.execution.spaces import KeyPath


@dataclass(frozen=True)
class KeySelection:
    """The keys to clear.

    Attributes:
        of: The key space.
        keys: The key paths; empty for all.
        only_failed: Whether to start from the clones that failed, instead of all clones of a key.
        wanted: A filter that selects the keys instead; ``None`` if there is none.
    """

    of: str
    keys: Sequence[KeyPath] = ()
    only_failed: bool = False
    wanted: KeyFilter | None = None


def find_keys(run: OpenRun, *selections: KeySelection) -> ToClear:
    """Return the task instances that would run again: the clones of the keys, and what depends on them.

    Raises:
        UnknownNameError: There is no such key space or key.
    """
    starts: list[Pair] = []
    chosen = succeeded = 0
    for selection in selections:
        matrix = Matrix(run.source, run.space(selection.of))
        positions = _positions(matrix, selection)
        if selection.only_failed:
            starts += _failed_clones(matrix, positions) + _failed_keys_of_batches(matrix, positions)
        else:
            starts += _clones(matrix, positions)
            chosen += len(positions)
            succeeded += matrix.totals.of(positions).counts.get(SUCCESS, 0)
    to_clear = with_downstream(run, starts, starts)
    warnings = filter(None, [_of_successful(succeeded, chosen), _warning(run, to_clear)])
    return replace(to_clear, warning=". ".join(warnings))


def _of_successful(succeeded: int, chosen: int) -> str:
    return f"Keys that have succeeded run again: {succeeded:,} of {chosen:,}" if succeeded else ""


def find_listing(run: OpenRun, of: str) -> ToClear:
    """Return the task that lists the keys of a space, and the task instances that depend on it.

    Raises:
        UnknownNameError: There is no such key space.
    """
    starts = [(run.space(of).lister_id, UNMAPPED)]
    to_clear = with_downstream(run, starts, starts)
    return replace(to_clear, warning=_warning(run, to_clear))


def _clones(matrix: Matrix, positions: Collection[int]) -> list[Pair]:
    info = matrix.info
    task_ids = [*info.task_ids, *info.helpers, *info.gates]
    return [(task_id, position) for position in positions for task_id in task_ids] + _failed_cuts(matrix)


def _failed_keys_of_batches(matrix: Matrix, positions: Collection[int]) -> list[Pair]:
    """Return the failed keys of batched tasks, and the tasks that failed to divide keys."""
    task_ids = [task_id for task_id in matrix.info.task_ids if task_id in matrix.info.batched]
    batched = BatchedKeys(matrix.source, matrix.info, matrix.keys, task_ids)
    found, _ = batched.at(positions, states_only=True)
    failed = {
        at
        for at, key in found.items()
        if key is not None and not key.is_stale and key.instance.state in FAILURES
    }
    # A gate may have failed by itself, and then its batch cannot start.
    gates = {(gate_id, at) for task_id, at in failed if (gate_id := matrix.info.batched[task_id].gate_id)}
    return sorted(failed | gates) + _failed_cuts(matrix)


def _failed_cuts(matrix: Matrix) -> list[Pair]:
    """Return the tasks that failed to divide the keys into batches: without them, no batch can run."""
    listers = {each.lister_id for each in matrix.info.batched.values()}
    return [(task_id, UNMAPPED) for task_id in sorted(matrix.source.tasks_with(listers, FAILURES))]


def _failed_clones(matrix: Matrix, positions: Collection[int]) -> list[Pair]:
    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

    # A helper may have failed by itself, and then nothing downstream of it can run.
    columns, _ = matrix.info.split([*matrix.info.task_ids, *matrix.info.helpers])
    if not columns or not positions:
        return []
    wanted = [TaskInstance.state.in_(FAILURES), among(TaskInstance.map_index, {UNMAPPED, *positions})]
    failed = set(read_instances(matrix.source, columns, conditions=wanted))
    stale = Staleness(matrix.source, matrix.info, matrix.keys, columns).at({index for _, index in failed})
    # Until it is expanded, a mapped task has one task instance for all keys.
    whole = {task_id for task_id, index in failed if index == UNMAPPED}
    own = matrix.source.states(sorted(whole), positions) if whole else {}
    of_all_keys = {(task_id, position) for task_id in whole for position in positions} - own.keys()
    clones = {at for at in failed - stale if at[1] != UNMAPPED}
    return sorted(clones | of_all_keys)


def _warning(run: OpenRun, to_clear: ToClear) -> str:
    task_ids = to_clear.task_ids
    spaces = run.structure.spaces.values()
    listed = [repr(info.of) for info in spaces if info.space.keys_task_id in task_ids]
    if not listed:
        return ""
    return f"The keys of {', '.join(listed)} are listed again: if they differ then, the new keys run instead"


def _positions(matrix: Matrix, selection: KeySelection) -> Sequence[int]:
    if selection.wanted is not None:
        return chosen_by(matrix, selection.wanted)
    if not selection.keys:
        return list(matrix.keys.positions.values())
    return [position for key in selection.keys for position in _below(matrix, key)]


def _below(matrix: Matrix, key: KeyPath) -> Iterator[int]:
    """Yield the position of a key, or the positions of all keys below it.

    Raises:
        UnknownNameError: There is no such key.
    """
    known = matrix.keys.positions
    if key in known:
        yield known[key]
        return
    found = [position for path, position in known.items() if path[: len(key)] == key]
    if not found:
        names = map(render_key, known)
        raise unknown(f"key {render_key(key)!r}", f"{matrix.info.of!r}", render_key(key), names)
    yield from found
