"""Tells which states of clones belong to the keys that are listed now.

Airflow keeps a state per position. If the keys are produced again and their clones are not run again, another
key may be at a position whose clone failed or was skipped for an earlier one; the state is not its own.

- A clone that left a *result* stored its key path with it. The key decides: the value of a key that is found
  again is the one that its clone made, in whichever attempt.
- A clone that *began*, whatever became of it, has noted the attempt that it ran for (`layout.StoredClone`).
  One comparison decides. In the first attempt none notes anything, and nothing has to be looked up: all there
  is, is of it. One that was killed before it could note it counts as one of an earlier attempt.
- A clone that the scheduler skipped, or made upstream_failed, *never began*. It has run no code that could
  store anything, no other task may store something in its place, and Airflow tells a task neither when nor
  why it got its state. What kept it from running tells: see `unstarted`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import NEVER_STARTED
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.places import place_at
from airflow_dynamic_provider.execution.unstarted import Unstarted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, MutableMapping

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.spaces import Space


def attempt_of_keys(context: MutableMapping[str, Any], space: Space) -> int:
    """Return in which attempt the keys of a space were listed, from 1. One API call. There must be a key."""
    return place_at(context, space, 0).attempt


def outdated_positions(
    context: MutableMapping[str, Any], spec: CloneSpec, positions: Collection[int]
) -> set[int]:
    """Return those positions whose clone has not run for the key that is listed there now.

    At most one API call when the keys were produced once; then one for the marks of each task concerned, and
    one for states.

    Args:
        context: Airflow's task context.
        spec: The cloned task.
        positions: Positions whose clone's state is asked for; a stored result tells its key by itself.
    """
    if not positions or (attempt := attempt_of_keys(context, spec.space)) == 1:
        return set()
    history = History(
        attempt,
        lambda: xcom.read_states(context, sorted(tasks_concerned(spec))),
        lambda task_id: xcom.pull_all(context, task_id, layout.CLONE_XCOM),
    )
    return {position for position in positions if not history.is_current(spec, position)}


def tasks_concerned(spec: CloneSpec) -> set[str]:
    """Return the tasks whose states tell to which attempt that of a clone belongs."""
    wanted, todo = set(), [spec]
    while todo:
        each = todo.pop()
        if each.task_id not in wanted:
            wanted |= {each.task_id, *each.other_upstream}
            todo += each.same_key
    return wanted


class History:
    """What the clones of a task and of those before it have noted.

    Args:
        attempt: The attempt at producing the keys that are listed now.
        read_states: Reads the states of the tasks concerned; called when they are first needed.
        read_marks: Reads what a task's clones have noted, as it is stored; called once for each task.
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
        """Whether a task's clone at a position has come to its state in the current attempt."""
        if self._has_begun(spec.task_id, position):
            return True
        # All other states are of a clone that began, in an earlier attempt. One that skipped itself is told
        # from one that the scheduler skipped by what kept the other from running.
        never_began = xcom.state_at(self._states, spec.task_id, position) in NEVER_STARTED
        return never_began and self._unstarted.is_current(spec, position)

    def _has_begun(self, task_id: str, position: int) -> bool:
        """Whether a clone began in the current attempt."""
        if task_id not in self._attempts:
            marks = map(layout.StoredClone.unpack, self._read_marks(task_id))
            self._attempts[task_id] = {mark.map_index: mark.attempt for mark in marks}
        return self._attempts[task_id].get(position) == self._attempt

    @cached_property
    def _states(self) -> xcom.States:
        return self._read_states()

    @cached_property
    def _unstarted(self) -> Unstarted:
        return Unstarted(self._states, self._has_begun)
