"""Reads which keys of a space failed, in which task, and with which error. What it reads is bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from airflow_dynamic_provider.database.batches import MOST_CHUNKS, BatchedKeys, without_records
from airflow_dynamic_provider.database.failures import read_errors
from airflow_dynamic_provider.database.instances import read_instances
from airflow_dynamic_provider.definitions.states import FAILED
from airflow_dynamic_provider.execution.batch_records.stored import STATE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from airflow_dynamic_provider.database.matrix import Matrix

#: The number of failures of one key space whose errors are read.
MOST_KEYS = 10_000


class FailedKey(NamedTuple):
    """A key that failed in a task, and its error, if it is stored."""

    position: int
    task_id: str
    error: str | None


def read_failed_keys(matrix: Matrix) -> tuple[Sequence[FailedKey], int]:
    """Return the failed keys of a space in the order of the keys, and how many were not read.

    This takes two queries, and some more for tasks that run their keys in batches. Tracebacks are not read.
    """
    found = {
        task_id: positions
        for task_id, positions in (*_of_single_tasks(matrix), *_of_batched_tasks(matrix))
        if positions
    }
    order = {task_id: at for at, task_id in enumerate(matrix.info.task_ids)}
    failed = sorted(
        ((position, task_id) for task_id, positions in found.items() for position in positions),
        key=lambda each: (each[0], order[each[1]]),
    )
    read = failed[:MOST_KEYS]
    errors = _errors(matrix, read)
    keys = [FailedKey(position, task_id, errors.get((task_id, position))) for position, task_id in read]
    return keys, len(failed) - len(read)


def _of_single_tasks(matrix: Matrix) -> Iterator[tuple[str, Sequence[int]]]:
    """Yield task -> positions of the keys that failed, for tasks with a task instance for each key."""
    from sqlalchemy import not_, select

    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

    count = len(matrix.keys.paths or ())
    single_ids, _ = matrix.info.split(matrix.info.task_ids)
    if not (single_ids and count):
        return
    wanted = select(TaskInstance.task_id, TaskInstance.map_index).where(
        *matrix.source.instances_of(single_ids),
        TaskInstance.state == FAILED,
        TaskInstance.map_index.between(0, count - 1),
    )
    if (is_stale := matrix.totals.staleness.condition) is not None:
        wanted = wanted.where(not_(is_stale))
    found: dict[str, list[int]] = {task_id: [] for task_id in single_ids}
    for task_id, position in matrix.source.session.execute(wanted):
        found[task_id].append(position)
    # Until it is expanded, a mapped task has one task instance for all keys.
    whole = [task_id for task_id in single_ids if matrix.totals.whole.get(task_id) == FAILED]
    yield from {**found, **dict.fromkeys(whole, range(count))}.items()


def _of_batched_tasks(matrix: Matrix) -> Iterator[tuple[str, Sequence[int]]]:
    _, batched_ids = matrix.info.split(matrix.info.task_ids)
    for task_id in batched_ids:
        states = matrix.totals.in_batches.get(task_id, {})
        yield task_id, [position for position, each in states.items() if each.state == FAILED]


def _errors(matrix: Matrix, failed: Collection[tuple[int, str]]) -> dict[tuple[str, int], str]:
    positions = {position for position, _ in failed}
    task_ids = {task_id for _, task_id in failed}
    single_ids, batched_ids = matrix.info.split(task_ids)
    found: dict[tuple[str, int], str] = {}
    if single_ids:
        found |= read_errors(matrix.source, read_instances(matrix.source, single_ids, positions).values())
    if batched_ids:
        batched = BatchedKeys(matrix.source, matrix.info, matrix.keys, batched_ids)
        snapshot = batched.look(positions)
        read, _ = batched.read(snapshot, positions, (*STATE_FIELDS, "failures"), MOST_CHUNKS)
        of_batches = read_errors(matrix.source, without_records(read.values()))
        for at, key in read.items():
            if key is None:
                continue
            failure = of_batches.get(key.instance.pair) if key.record is None else key.record.failure
            if failure is not None:
                found[at] = str(failure)
    return found
