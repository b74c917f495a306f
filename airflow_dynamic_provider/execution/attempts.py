"""Tells which states of clones belong to the keys that are listed now.

Airflow keeps a state per position. If the keys are produced anew and their clones are not run again, another
key may be at a position whose clone failed or was skipped for an earlier one; the state is not its own. A
clone that succeeded stored its key with its result. Of the others, nothing has to be looked up as long as the
keys were produced once: that is the normal path. From the second attempt on, each clone notes the attempt
when it starts.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.execution import layout, xcom
from airflow_dynamic_provider.execution.places import place_at
from airflow_dynamic_provider.execution.states import NEVER_STARTED, WITHOUT_RESULT

if TYPE_CHECKING:
    from collections.abc import Collection, MutableMapping

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
    history = _History(context, spec, _attempt_at(context, spec.space))
    return {position for position in positions if not history.is_current(spec, position)}


def _attempt_at(context: MutableMapping[str, Any], space: Space) -> int:
    return place_at(context, space, 0).attempt


class _History:
    """What the clones of a task and of those before it have noted."""

    def __init__(self, context: MutableMapping[str, Any], spec: CloneSpec, attempt: int) -> None:
        self._context = context
        self._spec = spec
        self._attempt = attempt
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
            stored = xcom.pull_all(self._context, task_id, layout.CLONE_XCOM)
            marks = map(layout.StoredClone.unpack, stored)
            self._marks[task_id] = {mark.map_index: mark.attempt for mark in marks}
        return self._marks[task_id]

    @cached_property
    def _states(self) -> xcom.States:
        wanted, todo = set(), [self._spec]
        while todo:
            spec = todo.pop()
            if spec.task_id not in wanted:
                wanted |= {spec.task_id, *spec.other_upstream}
                todo += spec.same_key
        return xcom.read_states(self._context, sorted(wanted))
