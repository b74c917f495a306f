"""Finds the clones that ran for another key than the one at their position now.

Airflow has a state for each position. After the keys were listed again, another key may be at that position.
From then on each clone that starts stores the list that it runs for, so a query finds the clones that
certainly ran for their keys. The others are *unsettled*. What is stored about an unsettled clone decides in
most cases, and a query can do that. The rest are *doubtful*: their upstream tasks decide, or a mark that only
the deployment's XCom backend can load. They are checked one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.database.parts import among
from airflow_dynamic_provider.definitions.states import (
    FAILED,
    FINAL,
    NEVER_STARTED,
    SKIPPED,
    SUCCESS,
    WITHOUT_RESULT,
)
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.attempts import History, tasks_by_key
from airflow_dynamic_provider.execution.layout import ATTEMPT, CLONE_XCOM, StoredClone

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from airflow_dynamic_provider.airflow_adapter.xcom import States
    from airflow_dynamic_provider.database.keys import KeyList
    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.database.structure import SpaceInfo

#: The number of doubtful clones that one answer checks.
MOST_DOUBTFUL = 5000

# The states of a task instance that has begun and has not ended.
_AT_WORK = frozenset({"running", "deferred"})

# A map index that no task instance has.
_ANYWHERE = -2

Pair = tuple[str, int]


@dataclass(frozen=True)
class Staleness:
    """Knows which clones of some tasks ran for other keys. It takes no query if keys were listed once.

    Attributes:
        source: The run.
        info: The key space.
        keys: Its keys.
        task_ids: The tasks.
    """

    source: RunSource
    info: SpaceInfo
    keys: KeyList
    task_ids: Sequence[str]

    def at(self, positions: Collection[int]) -> set[Pair]:
        """Return the (task, position) of the clones at some positions that ran for other keys."""
        if not self.keys.is_listed_again:
            return set()
        return self._checked(self._read(self._of_keys(positions), self._is_unsettled))

    @cached_property
    def condition(self) -> Any:
        """The condition that finds the clones that ran for other keys; ``None`` if keys were listed once."""
        from sqlalchemy import and_, or_

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        if not self.keys.is_listed_again:
            return None
        by_task: dict[str, set[int]] = {}
        for task_id, position in self._stale_in_doubt:
            by_task.setdefault(task_id, set()).add(position)
        found = [
            and_(TaskInstance.task_id == task_id, among(TaskInstance.map_index, positions))
            for task_id, positions in by_task.items()
        ]
        return or_(self._is_certain, *found)

    @property
    def is_any(self) -> bool:
        """Whether a clone ran for another key."""
        from sqlalchemy import select

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        if not self.keys.is_listed_again:
            return False
        wanted = (*self.source.instances_of(self.task_ids), self._of_keys(), self.condition)
        return (
            self.source.session.execute(select(TaskInstance.task_id).where(*wanted).limit(1)).first()
            is not None
        )

    @property
    def message(self) -> str | None:
        """What sums leave out, if anything: there are too many doubtful clones to check all of them."""
        if not self.keys.is_listed_again or len(self._doubtful) <= MOST_DOUBTFUL:
            return None
        return (
            f"The keys were listed again, and more than {MOST_DOUBTFUL} task instances may belong to former "
            "keys. The counts and the order of the keys take the rest of them for those of the keys of now."
        )

    @cached_property
    def _doubtful(self) -> list[Instance]:
        return self._read(self._of_keys(), self._is_doubtful, limit=MOST_DOUBTFUL + 1)

    @cached_property
    def _stale_in_doubt(self) -> set[Pair]:
        return self._checked(self._doubtful[:MOST_DOUBTFUL])

    def _read(self, *conditions: Any, limit: int | None = None) -> list[Instance]:
        return list(read_instances(self.source, self.task_ids, conditions=conditions, limit=limit).values())

    def _of_keys(self, positions: Collection[int] | None = None) -> Any:
        """Return the condition that finds the clones of the keys that are listed now, or of some of them."""
        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        count = len(self.keys.paths or ())
        if positions is None:
            return TaskInstance.map_index.between(0, count - 1)
        return among(TaskInstance.map_index, positions)

    @property
    def _is_unsettled(self) -> Any:
        """The condition that finds the clones that began without storing the list they run for.

        It finds none after a retry of the producing task, or after a clear with everything downstream. Times
        cannot decide this, because each worker has its own clock.
        """
        from sqlalchemy import and_

        from airflow_dynamic_provider.airflow_adapter.models import XComModel

        noted = self._has_stored(XComModel.key == CLONE_XCOM, _attempt() == self.keys.listing.try_number)
        return and_(_state().in_([*FINAL, *_AT_WORK]), ~noted)

    @property
    def _is_doubtful(self) -> Any:
        from sqlalchemy import and_, or_

        from airflow_dynamic_provider.airflow_adapter.models import XComModel

        hidden = self._has_stored(XComModel.key == CLONE_XCOM, _attempt().is_(None))
        return and_(self._is_unsettled, or_(_state().in_(NEVER_STARTED), hidden))

    @property
    def _is_certain(self) -> Any:
        """The condition that finds the clones that ran for other keys, as `_is_stale` finds them.

        It leaves out those in doubt.
        """
        from sqlalchemy import and_, false, not_, or_

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        listed = self.keys.listing.end_date
        began = TaskInstance.start_date
        began_since = false() if listed is None else and_(began.is_not(None), began >= listed)
        is_empty = and_(_state() == SUCCESS, ~self._has_stored())
        may_be_silent = or_(_state().in_([*_AT_WORK, FAILED]), is_empty)
        return and_(self._is_unsettled, not_(self._is_doubtful), not_(and_(may_be_silent, began_since)))

    def _has_stored(self, *conditions: Any) -> Any:
        """Return the condition that finds the task instances that have stored such an XCom."""
        from sqlalchemy import exists

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance, XComModel

        return exists().where(
            XComModel.dag_id == TaskInstance.dag_id,
            XComModel.run_id == TaskInstance.run_id,
            XComModel.task_id == TaskInstance.task_id,
            XComModel.map_index == TaskInstance.map_index,
            *conditions,
        )

    def _checked(self, unsettled: Collection[Instance]) -> set[Pair]:
        """Return those of some unsettled clones that ran for other keys."""
        if not unsettled:
            return set()
        check = _Check(self, sorted({each.map_index for each in unsettled}))
        return {each.pair for each in unsettled if check.is_stale(each)}


class _Check:
    """Checks unsettled clones one by one. It reads what is known of all clones at their positions.

    Args:
        about: What the clones belong to.
        positions: Their positions.
    """

    def __init__(self, about: Staleness, positions: Collection[int]) -> None:
        self._about = about
        self._positions = positions

    def is_stale(self, clone: Instance) -> bool:
        """Return whether an unsettled clone ran for a key that was at its position in an earlier list."""
        position, state = clone.map_index, clone.state
        if self._history.is_current(self._about.info.clones[clone.task_id], position):
            return False
        # A clone that has just begun, was killed, or was marked as success before it ran has stored nothing.
        # Only the times are left to decide then.
        may_be_silent = state in {*_AT_WORK, FAILED} or (state == SUCCESS and self._is_empty(clone))
        began, listed = clone.start_date, self._about.keys.listing.end_date
        return not (may_be_silent and began and listed and began >= listed)

    def _is_empty(self, clone: Instance) -> bool:
        """Return whether a clone left no XCom, like one that was marked as success and never ran."""
        return (clone.task_id, clone.map_index) not in self._writers

    @cached_property
    def _writers(self) -> set[Pair]:
        return self._about.source.writers(self._about.task_ids, self._positions)

    @cached_property
    def _history(self) -> History:
        return History(self._about.keys.listing.try_number, self._read_states, self._read_marks)

    def _read_states(self) -> States:
        """Return the states that decide: those of the same keys, and which other tasks stop all keys."""
        source = self._about.source
        by_key = [tasks_by_key(self._about.info.clones[task_id]) for task_id in self._about.task_ids]
        same_key = {each for found, _ in by_key for each in found}
        others = {each for _, found in by_key for each in found}
        stopping = source.tasks_with(others, WITHOUT_RESULT)
        states = source.states(sorted(same_key), [UNMAPPED, *self._positions])
        return {**states, **{(task_id, _ANYWHERE): SKIPPED for task_id in stopping}}

    def _read_marks(self, task_id: str) -> Iterable[Any]:
        found = self._about.source.pull_some([task_id], CLONE_XCOM, self._positions)
        return filter(_is_readable, found.values())


def _state() -> Any:
    """Return the state of a task instance. In SQL, NULL is neither in a list nor not in it."""
    from sqlalchemy import func

    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

    return func.coalesce(TaskInstance.state, "none")


def _attempt() -> Any:
    """Return the attempt that a clone has stored; NULL if only an XCom backend can load it."""
    from airflow_dynamic_provider.airflow_adapter.models import XComModel

    return XComModel.value[ATTEMPT].as_integer()


def _is_readable(mark: Any) -> bool:
    # An unreadable mark says nothing about its clone, and the pages can still show the other clones.
    try:
        StoredClone.unpack(mark)
    except LayoutError:
        return False
    return True
