"""What became of each key in each task: the cells of a matrix of keys and tasks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.execution.layout import CLONE_XCOM, StoredClone
from airflow_dynamic_provider.execution.states import (
    FAILED,
    FINAL,
    NEVER_STARTED,
    REMOVED,
    SKIPPED,
    SUCCESS,
    UPSTREAM_FAILED,
)
from airflow_dynamic_provider.execution.xcom import UNMAPPED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from airflow_dynamic_provider.database.keys import KeyList
    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.execution.spaces import KeyPath

#: The states from the one that matters most to whoever looks at a run; ``None`` is that of what has none yet.
ORDER: tuple[str | None, ...] = (
    FAILED,
    UPSTREAM_FAILED,
    "up_for_retry",
    "up_for_reschedule",
    "restarting",
    "running",
    "deferred",
    "awaiting_input",
    "queued",
    "scheduled",
    None,
    SKIPPED,
    SUCCESS,
    REMOVED,
)

_RANKS = {state: rank for rank, state in enumerate(ORDER)}


@dataclass(frozen=True)
class Cell:
    """What became of a key in a task.

    Attributes:
        instance: The task instance.
        is_stale: Whether it ran for another key, before the keys were listed anew.
    """

    instance: Instance
    is_stale: bool = False

    @property
    def state(self) -> str | None:
        """The state, as far as it is this key's."""
        return None if self.is_stale else self.instance.state


@dataclass(frozen=True)
class Summary:
    """What became of a key in all tasks: the state that matters most, and the seconds in sum."""

    state: str | None
    duration: float | None


def worst(states: Iterable[str | None]) -> str | None:
    """Return the state that matters most to whoever looks at a run."""
    return min(states, key=rank, default=None)


def rank(state: str | None) -> int:
    """Return how much a state matters, from 0 for the most; one that is unknown is taken for none."""
    return _RANKS.get(state, _RANKS[None])


class Cells:
    """Reads what became of the keys of a space.

    Args:
        source: The run.
        task_ids: The tasks that are cloned for the keys.
        keys: The keys.
    """

    def __init__(self, source: RunSource, task_ids: Sequence[str], keys: KeyList) -> None:
        self._source = source
        self._task_ids = task_ids
        self._keys = keys

    def at(self, positions: Collection[int]) -> dict[int, dict[str, Cell | None]]:
        """Return position -> task -> cell, ``None`` for what Airflow has not made yet."""
        found = read_instances(self._source, self._task_ids, [UNMAPPED, *positions])
        marks = self._marks(positions) if self._keys.is_anew else {}
        return {
            position: {task_id: self._cell(found, marks, task_id, position) for task_id in self._task_ids}
            for position in positions
        }

    def summaries(self) -> list[Summary]:
        """Return what became of each key, by position. One query, if the keys were listed once."""
        count = len(self._keys.paths or ())
        if not self._task_ids:
            return [Summary(self._keys.listing.state, None)] * count
        return self._all_summaries(count) if self._keys.is_anew else self._grouped_summaries(count)

    def _all_summaries(self, count: int) -> list[Summary]:
        by_position = self.at(range(count))
        return [_summarize(list(by_position[position].values())) for position in range(count)]

    def _grouped_summaries(self, count: int) -> list[Summary]:
        """Return the same, summed up by the database: with tens of thousands of cells it takes a part."""
        from airflow.models.taskinstance import TaskInstance
        from sqlalchemy import case, func, select

        ranks = case(
            *((TaskInstance.state == state, rank) for state, rank in _RANKS.items() if state is not None),
            else_=_RANKS[None],
        )
        grouped = (
            select(
                TaskInstance.map_index,
                func.min(ranks),
                func.sum(TaskInstance.duration),
                func.count(),
            )
            .where(
                TaskInstance.dag_id == self._source.dag_id,
                TaskInstance.run_id == self._source.run_id,
                TaskInstance.task_id.in_(self._task_ids),
                TaskInstance.map_index >= 0,
            )
            .group_by(TaskInstance.map_index)
        )
        rows = {index: rest for index, *rest in self._source.session.execute(grouped)}
        # What is not expanded yet has one task instance for all keys, or none.
        whole = read_instances(self._source, self._task_ids, [UNMAPPED])
        shared = [rank(instance.state) for instance in whole.values()]
        summaries = []
        for position in range(count):
            lowest, seconds, cells = rows.get(position, (_RANKS[REMOVED], None, 0))
            missing = [_RANKS[None]] if cells + len(shared) < len(self._task_ids) else []
            summaries.append(Summary(ORDER[min([lowest, *shared, *missing])], seconds))
        return summaries

    def _marks(self, positions: Collection[int]) -> dict[tuple[str, int], StoredClone]:
        stored = self._source.pull_some(self._task_ids, CLONE_XCOM, positions)
        return {at: StoredClone.unpack(mark) for at, mark in stored.items()}

    def _cell(
        self,
        found: dict[tuple[str, int], Instance],
        marks: dict[tuple[str, int], StoredClone],
        task_id: str,
        position: int,
    ) -> Cell | None:
        instance = found.get((task_id, position)) or found.get((task_id, UNMAPPED))
        if instance is None:
            return None
        if not self._keys.is_anew or instance.map_index == UNMAPPED:
            return Cell(instance)
        assert self._keys.paths is not None
        mark = marks.get((task_id, position))
        return Cell(instance, _is_stale(instance, mark, self._keys.paths[position], self._keys.listing))


def count_states(states: Iterable[str | None]) -> dict[str, int]:
    """Return state -> how often, those that matter most first; ``none`` for what has no state yet."""
    counts: defaultdict[str | None, int] = defaultdict(int)
    for state in states:
        counts[state] += 1
    return {state or "none": counts[state] for state in sorted(counts, key=rank)}


def _summarize(cells: Sequence[Cell | None]) -> Summary:
    seconds = [cell.instance.duration for cell in cells if cell and cell.instance.duration is not None]
    return Summary(worst(cell.state if cell else None for cell in cells), sum(seconds) if seconds else None)


def _is_stale(instance: Instance, mark: StoredClone | None, path: KeyPath, listing: Instance) -> bool:
    """Whether a task instance ran for what was at its position before the keys were listed anew.

    From the second attempt on each clone notes for which key and attempt it runs. One that never started has
    no such note; then the times tell, as they do for one that ended before it could note anything.
    """
    if mark is not None and (mark.key_path, mark.attempt) == (path, listing.try_number):
        return False
    if instance.state not in FINAL:
        return instance.state in ("running", "deferred") and mark is not None and mark.key_path != path
    moment = instance.end_date if instance.state in NEVER_STARTED else instance.start_date
    return moment is not None and listing.end_date is not None and moment < listing.end_date
