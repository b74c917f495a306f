"""Determines which states of clones belong to the current list of keys.

Airflow keeps one state for each position. If the keys are produced again but their clones do not run again,
a state may belong to an earlier key at the same position.

- A clone that stored a *result* stored its key path with it. The key path decides: the result belongs to this
  key, in every attempt.
- A clone that *began* has stored the attempt that it ran for (`layout.StoredClone`). A comparison decides. In
  the first attempt clones store no attempt, and nothing is read, because all states belong to this attempt. A
  clone that was killed before it stored its attempt counts as a clone of an earlier attempt.
- A clone that the scheduler skipped, or made upstream_failed, *never began*. It ran no code that could store
  anything, no other task may store anything for it, and Airflow does not tell a task when or why it got its
  state. Its upstream tasks decide: see `unstarted`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import NEVER_STARTED
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.places import place_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, MutableMapping

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.spaces import Space
    from airflow_dynamic_provider.execution.unstarted import Unstarted


def attempt_of_keys(context: MutableMapping[str, Any], space: Space) -> int:
    """Return the attempt, from 1, that listed the keys of a space, which must have keys. One API call."""
    return place_at(context, space, 0).attempt


def outdated_positions(
    context: MutableMapping[str, Any], spec: CloneSpec, positions: Collection[int], *, are_few: bool = False
) -> set[int]:
    """Return the positions whose clone has not run for the key that is now listed there.

    This takes at most one API call if the keys were produced once. Otherwise it takes one more for the marks
    of each task that is read, and one more for the states.

    Args:
        context: Airflow's task context.
        spec: The cloned task.
        positions: The positions to check. Omit those with a stored result, which has its own key.
        are_few: Whether to read only what is stored at these positions, with calls for each of them.
    """
    if not positions or (attempt := attempt_of_keys(context, spec.space)) == 1:
        return set()
    if are_few or len(positions) == 1:
        # What a clone reads must not grow with the number of keys.
        history = _history_at(context, spec, attempt, positions)
    else:
        history = History(
            attempt,
            lambda: xcom.read_states(context, sorted(tasks_concerned(spec))),
            lambda task_id: xcom.pull_all(context, task_id, layout.CLONE_XCOM),
        )
    return {position for position in positions if not history.is_current(spec, position)}


def _history_at(
    context: MutableMapping[str, Any], spec: CloneSpec, attempt: int, positions: Collection[int]
) -> History:
    """Return what is known of the clones at some positions."""

    def read_marks(task_id: str) -> list[Any]:
        marks = [xcom.pull(context, task_id, layout.CLONE_XCOM, position) for position in positions]
        return [mark for mark in marks if mark is not None]

    def read_states() -> xcom.States:
        same_key, others = tasks_by_key(spec)
        # Any clone of a task that does not run for the same key may have stopped this one.
        states = xcom.read_states(context, sorted(others)) if others else {}
        for position in positions:
            states |= xcom.read_states_at(context, sorted(same_key), position)
        return states

    return History(attempt, read_states, read_marks)


def tasks_concerned(spec: CloneSpec) -> set[str]:
    """Return the tasks whose states decide to which attempt the state of a clone belongs."""
    same_key, others = tasks_by_key(spec)
    return same_key | others


def tasks_by_key(spec: CloneSpec) -> tuple[set[str], set[str]]:
    """Return the tasks that run for the same key, with the clone's own, and their other upstream tasks."""
    same_key: set[str] = set()
    others: set[str] = set()
    todo = [spec]
    while todo:
        each = todo.pop()
        if each.task_id not in same_key:
            same_key.add(each.task_id)
            others |= set(each.other_upstream)
            todo += each.same_key
    return same_key, others


class History:
    """The attempts that the clones of a task and of its upstream tasks ran for.

    Args:
        attempt: The attempt that produced the current keys.
        read_states: Reads the states of the tasks. It is called when they are first needed.
        read_marks: Reads the stored marks of a task's clones. It is called once for each task.
    """

    def __init__(
        self,
        attempt: int,
        read_states: Callable[[], xcom.States],
        read_marks: Callable[[str], Iterable[Any]],
    ) -> None:
        self._attempt = attempt
        self._read_states = read_states
        self._read_marks = read_marks
        self._attempts: dict[str, dict[int, int]] = {}

    def is_current(self, spec: CloneSpec, position: int) -> bool:
        """Return whether a task's clone at a position reached its state in the current attempt."""
        if self._has_begun(spec.task_id, position):
            return True
        # In all other states, the clone began in an earlier attempt. A clone in these states never began, or
        # it skipped itself after it began. Its upstream tasks show which.
        never_began = xcom.state_at(self._states, spec.task_id, position) in NEVER_STARTED
        return never_began and self._unstarted.is_current(spec, position)

    def _has_begun(self, task_id: str, position: int) -> bool:
        """Return whether a clone began in the current attempt."""
        if task_id not in self._attempts:
            marks = map(layout.StoredClone.unpack, self._read_marks(task_id))
            self._attempts[task_id] = {mark.map_index: mark.attempt for mark in marks}
        return self._attempts[task_id].get(position) == self._attempt

    @cached_property
    def _states(self) -> xcom.States:
        return self._read_states()

    @cached_property
    def _unstarted(self) -> Unstarted:
        # Imported here, because keys are seldom produced again.
        from airflow_dynamic_provider.execution.unstarted import Unstarted

        return Unstarted(self._states, self._has_begun)
