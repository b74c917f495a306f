"""Determines the attempt at producing the keys in which the scheduler ended a clone that it never started.

Such a clone has stored nothing. But the scheduler skips a clone, or makes it upstream_failed, because of its
upstream tasks. There are three cases:

- An upstream task that does not run for the same key was skipped or failed. It stops the clones of all keys,
  so the state is correct for the current key.
- An upstream clone of the same key, at the same position, was skipped or failed. Both states belong to the
  same attempt. So this upstream clone is examined in the same way, up to a clone that began.
- Neither. The cause no longer exists, so the state belongs to an earlier attempt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import state_at
from airflow_dynamic_provider.definitions.states import NEVER_STARTED, WITHOUT_RESULT

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.airflow_adapter.xcom import States
    from airflow_dynamic_provider.execution.clones import CloneSpec


class Unstarted:
    """Determines whether clones that never began were ended in the current attempt, once for each clone.

    Args:
        states: The states of the clones, and of all their upstream tasks.
        has_begun: Returns whether the clone of a task at a position began in the current attempt.
    """

    def __init__(self, states: States, has_begun: Callable[[str, int], bool]) -> None:
        self._states = states
        self._has_begun = has_begun
        self._stopping = {task_id for (task_id, _), state in states.items() if state in WITHOUT_RESULT}
        self._known: dict[tuple[str, int], bool] = {}

    def is_current(self, clone: CloneSpec, position: int) -> bool:
        """Return whether the clone of a task at a position reached its state in the current attempt."""
        # A list instead of recursion, because a chain of clones may be longer than Python's stack.
        todo = [clone]
        while todo:
            each = todo.pop()
            if (each.task_id, position) in self._known:
                continue
            verdict = self._by_itself(each, position)
            if verdict is None:
                deciding = self._deciding(each, position)
                unknown = [other for other in deciding if (other.task_id, position) not in self._known]
                if unknown:
                    todo += [each, *unknown]
                    continue
                verdicts = [self._known[other.task_id, position] for other in deciding]
                verdict = any(verdicts) if each.needs_success else bool(verdicts) and all(verdicts)
            self._known[each.task_id, position] = verdict
        return self._known[clone.task_id, position]

    def _by_itself(self, clone: CloneSpec, position: int) -> bool | None:
        """Return whether a clone's state is current; ``None`` if upstream clones of the same key decide."""
        if self._has_begun(clone.task_id, position):
            return True
        if state_at(self._states, clone.task_id, position) not in NEVER_STARTED:
            # It began in an earlier attempt.
            return False
        return None if self._stopping.isdisjoint(clone.other_upstream) else True

    def _deciding(self, clone: CloneSpec, position: int) -> list[CloneSpec]:
        """Return the upstream tasks whose clones of the same key decide: any of them, or all together."""
        if not clone.needs_success:
            # A trigger rule that the author set may depend on any of them, even on those that succeeded.
            return clone.same_key
        return [
            other
            for other in clone.same_key
            if state_at(self._states, other.task_id, position) in WITHOUT_RESULT
        ]
