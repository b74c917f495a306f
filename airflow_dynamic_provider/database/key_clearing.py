"""Finds the task instances that run again when keys of a dynamic output are cleared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.clearing import Pair, ToClear, with_downstream
from airflow_dynamic_provider.database.downstream import refuse_batched
from airflow_dynamic_provider.database.instances import read_instances
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.parts import among
from airflow_dynamic_provider.database.runs import unknown
from airflow_dynamic_provider.database.staleness import Staleness
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.states import FAILURES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.execution.spaces import KeyPath


@dataclass(frozen=True)
class KeySelection:
    """The keys to clear.

    Attributes:
        of: The key space.
        keys: The key paths; empty for all.
        only_failed: Whether to start from the clones that failed, instead of all clones of a key.
    """

    of: str
    keys: Sequence[KeyPath] = ()
    only_failed: bool = False


def find_keys(run: OpenRun, *selections: KeySelection) -> ToClear:
    """Return the task instances that would run again: the clones of the keys, and what depends on them.

    Raises:
        UnknownNameError: There is no such key space or key.
        BatchedKeysError: A task runs these keys in batches.
    """
    starts: list[Pair] = []
    for selection in selections:
        matrix = Matrix(run.source, run.space(selection.of))
        _refuse_batches(matrix, only_failed=selection.only_failed)
        positions = _positions(matrix, selection.keys)
        starts += _failed_clones(matrix, positions) if selection.only_failed else _clones(matrix, positions)
    to_clear = with_downstream(run, starts, starts)
    return replace(to_clear, warning=_warning(run, to_clear))


def find_listing(run: OpenRun, of: str) -> ToClear:
    """Return the task that lists the keys of a space, and the task instances that depend on it.

    Raises:
        UnknownNameError: There is no such key space.
    """
    starts = [(run.space(of).lister_id, UNMAPPED)]
    to_clear = with_downstream(run, starts, starts)
    return replace(to_clear, warning=_warning(run, to_clear))


def _refuse_batches(matrix: Matrix, *, only_failed: bool) -> None:
    """Refuse keys that would run again in a batch. Failed ones do if a batch failed.

    Raises:
        BatchedKeysError: A task runs these keys in batches.
    """
    batched = sorted(matrix.info.batched)
    if only_failed:
        failed = matrix.source.tasks_with(batched, FAILURES)
        batched = [task_id for task_id in batched if task_id in failed]
    if batched:
        raise refuse_batched(batched[0])


def _clones(matrix: Matrix, positions: Collection[int]) -> list[Pair]:
    info = matrix.info
    return [(task_id, position) for position in positions for task_id in (*info.task_ids, *info.helpers)]


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


def _positions(matrix: Matrix, keys: Collection[KeyPath]) -> list[int]:
    known = matrix.keys.positions
    if not keys:
        return list(known.values())
    return [position for key in keys for position in _below(matrix, key)]


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
