"""Tells which states of clones belong to the keys that are listed now.

Airflow keeps a state per position. If the keys are produced again and their clones are not run again, another
key may be at a position whose clone failed or was skipped for an earlier one; the state is not its own. A
clone that succeeded stored its key with its result. Of the others, nothing has to be looked up as long as the
keys were produced once: that is the normal path. From the second attempt on, each clone notes the attempt
when it starts.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import NEVER_STARTED, WITHOUT_RESULT
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.places import place_at

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, MutableMapping

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.spaces import Space


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
    if not positions or _attempt_at(context, spec.space) == 1:
        return set()
    history = History(
        _attempt_at(context, spec.space),
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


def _attempt_at(context: MutableMapping[str, Any], space: Space) -> int:
    return place_at(context, space, 0).attempt


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
        self._marks: dict[str, dict[int, int]] = {}

    def is_current(self, spec: CloneSpec, position: int) -> bool:
        """Whether a task's clone at a position has come to its state in the current attempt."""
        if self._marks_of(spec.task_id).get(position) == self._attempt:
            return True
        if xcom.state_at(self._states, spec.task_id, position) not in NEVER_STARTED:
            return False
        if any(self._has_not_succeeded(task_id) for task_id in spec.other_upstream):
            # What keeps it from running is no matter of the key.
            return True
        if not spec.needs_success:
            return bool(spec.same_key) and all(self.is_current(each, position) for each in spec.same_key)
        return any(
            self._has_not_succeeded(upstream.task_id, position) and self.is_current(upstream, position)
            for upstream in spec.same_key
        )

    def _has_not_succeeded(self, task_id: str, position: int | None = None) -> bool:
        if position is not None:
            return xcom.state_at(self._states, task_id, position) in WITHOUT_RESULT
        return any(state in WITHOUT_RESULT for (each, _), state in self._states.items() if each == task_id)

    def _marks_of(self, task_id: str) -> dict[int, int]:
        if task_id not in self._marks:
            marks = map(layout.StoredClone.unpack, self._read_marks(task_id))
            self._marks[task_id] = {mark.map_index: mark.attempt for mark in marks}
        return self._marks[task_id]

    @cached_property
    def _states(self) -> xcom.States:
        return self._read_states()
