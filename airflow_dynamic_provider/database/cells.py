"""What became of each key in each task: the cells of a matrix of keys and tasks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.definitions.states import (
    FAILED,
    FINAL,
    REMOVED,
    SKIPPED,
    SUCCESS,
    UPSTREAM_FAILED,
)
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.attempts import History, tasks_concerned
from airflow_dynamic_provider.execution.layout import ATTEMPT, CLONE_XCOM, StoredClone

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from airflow_dynamic_provider.database.keys import KeyList
    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.database.structure import SpaceInfo

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

# The states of a task instance that has begun and not ended.
_AT_WORK = frozenset({"running", "deferred"})

_RANKS = {state: rank for rank, state in enumerate(ORDER)}


@dataclass(frozen=True)
class Cell:
    """What became of a key in a task.

    Attributes:
        instance: The task instance.
        is_stale: Whether it ran for another key, before the keys were listed again.
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
        info: The key space.
        keys: Its keys.
        task_ids: The tasks that are looked at; the author's own by default.
    """

    def __init__(
        self, source: RunSource, info: SpaceInfo, keys: KeyList, task_ids: Sequence[str] | None = None
    ) -> None:
        self._source = source
        self._info = info
        self._keys = keys
        self._task_ids = info.task_ids if task_ids is None else task_ids

    def at(self, positions: Collection[int]) -> dict[int, dict[str, Cell | None]]:
        """Return position -> task -> cell, ``None`` for what Airflow has not made yet."""
        found = read_instances(self._source, self._task_ids, [UNMAPPED, *positions])
        return {
            position: {task_id: self._cell(found, task_id, position) for task_id in self._task_ids}
            for position in positions
        }

    @property
    def has_stale(self) -> bool:
        """Whether a clone ran for another key than is at its position now."""
        rows = self._everything.values() if self._may_be_stale else ()
        return any(cell.is_stale for row in rows for cell in row.values() if cell is not None)

    @cached_property
    def _everything(self) -> dict[int, dict[str, Cell | None]]:
        return self.at(range(len(self._keys.paths or ())))

    def summaries(self) -> list[Summary]:
        """Return what became of each key, by position. One query, if the keys were listed once."""
        count = len(self._keys.paths or ())
        if not self._task_ids:
            return [Summary(self._keys.listing.state, None)] * count
        if not self._may_be_stale:
            return self._grouped_summaries(count)
        return [_summarize(list(self._everything[position].values())) for position in range(count)]

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
            .where(*self._source.instances_of(self._task_ids), TaskInstance.map_index >= 0)
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

    def _cell(self, found: dict[tuple[str, int], Instance], task_id: str, position: int) -> Cell | None:
        instance = found.get((task_id, position)) or found.get((task_id, UNMAPPED))
        if instance is None:
            return None
        is_clone = instance.map_index != UNMAPPED
        return Cell(instance, is_clone and self._may_be_stale and self._is_stale(instance))

    @cached_property
    def _may_be_stale(self) -> bool:
        """Whether some clone has not noted that it runs for the keys as they are listed now.

        Then each is looked at. So it is not after a retry of the producing task and a clear with all that
        follows, once all clones have run. Times would not do: each worker goes by a clock of its own.
        """
        from airflow.models.taskinstance import TaskInstance
        from airflow.models.xcom import XComModel
        from sqlalchemy import exists, select

        if not self._keys.is_listed_again:
            return False
        attempt = XComModel.value[ATTEMPT].as_integer()
        noted = exists().where(
            XComModel.dag_id == TaskInstance.dag_id,
            XComModel.run_id == TaskInstance.run_id,
            XComModel.task_id == TaskInstance.task_id,
            XComModel.map_index == TaskInstance.map_index,
            XComModel.key == CLONE_XCOM,
            attempt == self._keys.listing.try_number,
        )
        unknown = select(TaskInstance.map_index).where(
            *self._source.instances_of(self._task_ids),
            TaskInstance.map_index >= 0,
            TaskInstance.state.in_([*FINAL, *_AT_WORK]),
            ~noted,
        )
        return self._source.session.execute(unknown.limit(1)).first() is not None

    def _is_stale(self, instance: Instance) -> bool:
        """Whether a task instance ran for what was at its position before the keys were listed again."""
        task_id, position, state = instance.task_id, instance.map_index, instance.state
        if state not in FINAL and state not in _AT_WORK:
            return False
        if self._history.is_current(self._info.clones[task_id], position):
            return False
        # One that has just begun, was killed, or was marked as success before it ran has noted nothing; then
        # only the times tell.
        may_be_silent = state in {*_AT_WORK, FAILED} or (state == SUCCESS and self._is_empty(instance))
        began, listed = instance.start_date, self._keys.listing.end_date
        return not (may_be_silent and began and listed and began >= listed)

    def _is_empty(self, instance: Instance) -> bool:
        """Whether a task instance has left nothing, as one that was marked as success and never ran."""
        return (instance.task_id, instance.map_index) not in self._writers

    @cached_property
    def _writers(self) -> set[tuple[str, int]]:
        return self._source.writers(self._task_ids)

    @cached_property
    def _history(self) -> History:
        clones = [self._info.clones[task_id] for task_id in self._task_ids]
        concerned = {each for clone in clones for each in tasks_concerned(clone)}
        return History(
            self._keys.listing.try_number,
            lambda: self._source.states(sorted(concerned)),
            lambda task_id: filter(_is_readable, self._source.pull_some([task_id], CLONE_XCOM).values()),
        )


def _is_readable(mark: Any) -> bool:
    # One that is not tells nothing of its clone, and the pages have others to show.
    try:
        StoredClone.unpack(mark)
    except LayoutError:
        return False
    return True


def count_states(states: Iterable[str | None]) -> dict[str, int]:
    """Return state -> how often, those that matter most first; ``none`` for what has no state yet."""
    counts = Counter(states)
    return {state or "none": counts[state] for state in sorted(counts, key=rank)}


def _summarize(cells: Sequence[Cell | None]) -> Summary:
    seconds = [cell.instance.duration for cell in cells if cell and cell.instance.duration is not None]
    return Summary(worst(cell.state if cell else None for cell in cells), sum(seconds) if seconds else None)
