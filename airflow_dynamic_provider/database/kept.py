"""Reads what clears of single keys keep of batches, until their task instances have stored it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.database.parts import among
from airflow_dynamic_provider.database.runs import name_of_state
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.execution.batch_records.kept import StoredKept, Try, kept_xcom

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from airflow_dynamic_provider.database.instances import Instance
    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord
    from airflow_dynamic_provider.execution.documents import BatchesOfTask
    from airflow_dynamic_provider.execution.spaces import KeyPath

_Pair = tuple[str, int]

#: (Task, map index) -> the present try of the task instance, and its state.
Tries = dict[_Pair, tuple[Try, "str | None"]]

# Airflow counts a try when it schedules it. A task instance that waits for a retry has the number of the try
# that failed, and the id of the next one.
_BETWEEN_TRIES = "up_for_retry"


def read_kept(
    source: RunSource,
    batches: Mapping[str, BatchesOfTask],
    instances: Mapping[_Pair, Instance],
    numbers: Mapping[str, Collection[int]],
    tries: Tries | None = None,
) -> dict[_Pair, dict[KeyPath, KeyRecord]]:
    """Return (batched task, number of the batch) -> what the last clear of single keys keeps of its keys.

    A batch that has succeeded has stored everything itself, and is left out. No query if all have. Otherwise
    one for each task that divides the keys, and some more if there was such a clear.

    Args:
        source: The run.
        batches: The batched tasks.
        instances: Their task instances.
        numbers: Task that divides keys -> numbers of the batches.
        tries: The tries of the task instances; by default those of now.
    """
    asked = [
        (task_id, number)
        for task_id, each in batches.items()
        for number in numbers[each.lister_id]
        if (own := instances.get((task_id, number))) is not None and own.state != SUCCESS
    ]
    found: dict[_Pair, dict[KeyPath, KeyRecord]] = {}
    clears: dict[_Pair, Try] = {}
    chunk = 0
    while asked:
        stored = dict(_pull(source, batches, asked, chunk))
        asked = []
        for at, kept in stored.items():
            if clears.setdefault(at, kept.clear) == kept.clear:
                found.setdefault(at, {}).update({each.key_path: each for each in kept.chunk.records})
                if not kept.chunk.is_last:
                    asked.append(at)
        chunk += 1
    tries = read_tries(source, found) if tries is None else tries
    return {at: records for at, records in found.items() if at in tries and _holds(tries[at], clears[at])}


def _pull(
    source: RunSource, batches: Mapping[str, BatchesOfTask], asked: Iterable[_Pair], chunk: int
) -> Iterator[tuple[_Pair, StoredKept]]:
    names: dict[str, dict[str, _Pair]] = {}
    for task_id, number in asked:
        lister = batches[task_id].lister_id
        names.setdefault(lister, {})[kept_xcom(task_id, number, chunk)] = (task_id, number)
    for lister, pairs in names.items():
        for name, stored in source.pull_names(lister, pairs).items():
            yield pairs[name], StoredKept.unpack(stored)


def read_tries(source: RunSource, pairs: Collection[_Pair], *, lock: bool = False) -> Tries:
    """Return (task, map index) -> its present try and state, for those that exist. One query.

    Args:
        source: The run.
        pairs: The task instances.
        lock: Whether nobody else may change them before the transaction ends.
    """
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

    if not pairs:
        return {}
    columns: tuple[Any, ...] = (
        *(TaskInstance.task_id, TaskInstance.map_index, TaskInstance.state),
        *(TaskInstance.id, TaskInstance.try_number, TaskInstance.max_tries),
    )
    wanted = select(*columns).where(
        *source.instances_of({task_id for task_id, _ in pairs}),
        among(TaskInstance.map_index, {number for _, number in pairs}),
    )
    rows = source.session.execute(wanted.with_for_update() if lock else wanted)
    return {
        (task_id, number): (Try(str(ti_id), tries, most), name_of_state(state))
        for task_id, number, state, ti_id, tries, most in rows
    }


def _holds(present: tuple[Try, str | None], clear: Try) -> bool:
    """Return whether no other clear came after a clear of single keys."""
    now, state = present
    if state == _BETWEEN_TRIES:
        now = Try(now.ti_id, now.number + 1, now.max_tries)
    return now.follows(clear)
