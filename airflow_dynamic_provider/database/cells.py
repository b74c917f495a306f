"""The state of each key in each task: the cells of a matrix of keys and tasks."""

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
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from airflow_dynamic_provider.database.keys import KeyList
    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.database.structure import SpaceInfo

#: The states, from the one that matters most to a viewer of a run. ``None`` means no state yet.
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

# The states of a task instance that has begun and has not ended.
_AT_WORK = frozenset({"running", "deferred"})

_RANKS = {state: rank for rank, state in enumerate(ORDER)}


@dataclass(frozen=True)
class Cell:
    """The task instance of a key in a task.

    Attributes:
        instance: The task instance.
        is_stale: Whether it ran for another key, before the keys were listed again.
    """

    instance: Instance
    is_stale: bool = False

    @property
    def state(self) -> str | None:
        """The state; ``None`` if the task instance ran for another key."""
        return None if self.is_stale else self.instance.state

    @property
    def seconds(self) -> float | None:
        """The duration in seconds; ``None`` if it did not run for this key alone."""
        return None if self.is_stale or self.instance.map_index == UNMAPPED else self.instance.duration


@dataclass(frozen=True)
class Summary:
    """A key in all tasks: the state that matters most, and the sum of the durations in seconds."""

    state: str | None
    duration: float | None


@dataclass(frozen=True)
class _Group:
    """The database's summary of some cells of a key: their number, worst state and seconds."""

    count: int = 0
    state: str | None = None
    seconds: float | None = None


def worst(states: Iterable[str | None]) -> str | None:
    """Return the state that matters most to a viewer of a run. An unknown state counts as no state."""
    return ORDER[min(map(rank, states), default=_RANKS[None])]


def rank(state: str | None) -> int:
    """Return the rank of a state; 0 matters most. An unknown state counts as no state."""
    return _RANKS.get(state, _RANKS[None])


def summarize(cells: Iterable[Cell | None], group: _Group = _Group()) -> Summary:
    """Return the summary of a key, from its cells and the database's summary of its other cells."""
    cells = list(cells)
    states = [None if cell is None else cell.state for cell in cells]
    seconds = [cell.seconds for cell in cells if cell is not None]
    if group.count:
        states.append(group.state)
        seconds.append(group.seconds)
    known = [each for each in seconds if each is not None]
    return Summary(worst(states), sum(known) if known else None)


class Cells:
    """Reads the task instances of the keys of a space.

    Airflow has a state for each position. After the keys were listed again, another key may be at that
    position. From then on each clone that starts stores the list that it runs for, so a query finds the cells
    that certainly belong to their keys. The other cells are *unsettled*, and are checked one by one.

    Args:
        source: The run.
        info: The key space.
        keys: Its keys.
        task_ids: The tasks to read; by default the author's own.
    """

    def __init__(
        self, source: RunSource, info: SpaceInfo, keys: KeyList, task_ids: Sequence[str] | None = None
    ) -> None:
        self._source = source
        self._info = info
        self._keys = keys
        self._task_ids = info.task_ids if task_ids is None else task_ids

    def at(self, positions: Collection[int]) -> dict[int, dict[str, Cell | None]]:
        """Return position -> task -> cell; ``None`` where Airflow has not created the task instance yet."""
        found = read_instances(self._source, self._task_ids, [UNMAPPED, *positions])
        return {
            position: {task_id: self._cell(found, task_id, position) for task_id in self._task_ids}
            for position in positions
        }

    @property
    def has_stale(self) -> bool:
        """Whether a clone ran for a key other than the one at its position now."""
        return any(cell.is_stale for cell in self._unsettled.values())

    def summaries(self) -> list[Summary]:
        """Return the summary of each key, by position.

        This takes two queries if the keys were listed once and all tasks are expanded. The database sums up
        the settled cells, because reading tens of thousands of rows would take longer.
        """
        count = len(self._keys.paths or ())
        if not self._task_ids:
            return [Summary(self._keys.listing.state, None)] * count
        # A mapped task has one task instance for all keys until it is expanded.
        whole = {task_id for task_id, _ in read_instances(self._source, self._task_ids, [UNMAPPED])}
        groups = self._groups([task_id for task_id in self._task_ids if task_id not in whole])
        found = {at: cell.instance for at, cell in self._unsettled.items()}
        if whole:
            found |= read_instances(self._source, sorted(whole))
        looked_at = sorted({task_id for task_id, _ in found})
        summaries = []
        for position in range(count):
            group = groups.get(position, _Group())
            cells = [cell for each in looked_at if (cell := self._cell(found, each, position)) is not None]
            missing = [None] * (len(self._task_ids) - group.count - len(cells))
            summaries.append(summarize([*cells, *missing], group))
        return summaries

    def _groups(self, task_ids: Sequence[str]) -> dict[int, _Group]:
        """Return position -> summary of the settled cells of some tasks. This takes one query."""
        from sqlalchemy import case, func, select

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        ranks = case(
            *((TaskInstance.state == state, rank) for state, rank in _RANKS.items() if state is not None),
            else_=_RANKS[None],
        )
        wanted = (*self._source.instances_of(task_ids), *self._are_of_keys)
        grouped = (
            select(TaskInstance.map_index, func.count(), func.min(ranks), func.sum(TaskInstance.duration))
            .where(*wanted, *([~self._may_be_of_others] if self._keys.is_listed_again else []))
            .group_by(TaskInstance.map_index)
        )
        rows = self._source.session.execute(grouped)
        return {position: _Group(count, ORDER[lowest], seconds) for position, count, lowest, seconds in rows}

    def _cell(self, found: Mapping[tuple[str, int], Instance], task_id: str, position: int) -> Cell | None:
        at = (task_id, position)
        instance = found.get(at) or found.get((task_id, UNMAPPED))
        unsettled = self._unsettled.get(at)
        return None if instance is None else Cell(instance, unsettled is not None and unsettled.is_stale)

    @property
    def _are_of_keys(self) -> tuple[Any, ...]:
        """The conditions of a query that finds the clones of the keys that are listed now."""
        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        return TaskInstance.map_index >= 0, TaskInstance.map_index < len(self._keys.paths or ())

    @property
    def _may_be_of_others(self) -> Any:
        """The condition of a query that finds the clones that began without storing the list they run for.

        It finds none after a retry of the producing task, or after a clear with everything downstream. Times
        cannot decide this, because each worker has its own clock.
        """
        from sqlalchemy import and_, exists, func

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance, XComModel

        attempt = XComModel.value[ATTEMPT].as_integer()
        noted = exists().where(
            XComModel.dag_id == TaskInstance.dag_id,
            XComModel.run_id == TaskInstance.run_id,
            XComModel.task_id == TaskInstance.task_id,
            XComModel.map_index == TaskInstance.map_index,
            XComModel.key == CLONE_XCOM,
            attempt == self._keys.listing.try_number,
        )
        # In SQL, NULL is neither in a list nor not in it.
        state = func.coalesce(TaskInstance.state, "none")
        return and_(state.in_([*FINAL, *_AT_WORK]), ~noted)

    @cached_property
    def _unsettled(self) -> dict[tuple[str, int], Cell]:
        """(Task, position) -> cell that may belong to another key. No query if keys were listed once."""
        if not self._keys.is_listed_again:
            return {}
        conditions = [*self._are_of_keys, self._may_be_of_others]
        found = read_instances(self._source, self._task_ids, conditions=conditions)
        return {at: Cell(instance, self._is_stale(instance)) for at, instance in found.items()}

    def _is_stale(self, instance: Instance) -> bool:
        """Return whether an unsettled clone ran for a key that was at its position in an earlier list."""
        task_id, position, state = instance.task_id, instance.map_index, instance.state
        if self._history.is_current(self._info.clones[task_id], position):
            return False
        # A clone that has just begun, was killed, or was marked as success before it ran has stored nothing.
        # Only the times are left to decide then.
        may_be_silent = state in {*_AT_WORK, FAILED} or (state == SUCCESS and self._is_empty(instance))
        began, listed = instance.start_date, self._keys.listing.end_date
        return not (may_be_silent and began and listed and began >= listed)

    def _is_empty(self, instance: Instance) -> bool:
        """Return whether a task instance left no XCom, like one that was marked as success and never ran."""
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
    # An unreadable mark says nothing about its clone, and the pages can still show the other clones.
    try:
        StoredClone.unpack(mark)
    except LayoutError:
        return False
    return True


def count_states(states: Iterable[str | None]) -> dict[str, int]:
    """Return state -> count, from the state that matters most; ``none`` stands for no state yet."""
    counts = Counter(states)
    return {state or "none": counts[state] for state in sorted(counts, key=rank)}
