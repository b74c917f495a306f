"""Tells for which attempt at producing the keys the scheduler ended a clone that it never started.

Such a clone has noted nothing. But the scheduler skips a clone, or makes it upstream_failed, because of what
is upstream of it, and that is known:

- A task that is not of the same key was skipped or failed. It keeps the clones of all keys from running,
  whichever they are, so the state is right for the key that is listed now.
- A clone of the same key, at the same position, was skipped or failed. The state belongs to the attempt that
  the state of this one belongs to. The same is asked of it, until one is found that began, and noted it.
- Neither. What there was is gone: the state is of an earlier attempt.
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
    """Tells whether clones that never began were ended in the current attempt. Each is judged once.

    Args:
        states: The states of the clones that are asked for, and of all that is upstream of them.
        has_begun: Whether the clone of a task at a position began in the current attempt.
    """

    def __init__(self, states: States, has_begun: Callable[[str, int], bool]) -> None:
        self._states = states
        self._has_begun = has_begun
        self._stopping = {task_id for (task_id, _), state in states.items() if state in WITHOUT_RESULT}
        self._known: dict[tuple[str, int], bool] = {}

    def is_current(self, clone: CloneSpec, position: int) -> bool:
        """Whether the clone of a task at a position came to its state in the current attempt."""
        # A list of what is to be judged: a chain of clones may be longer than Python's stack.
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
        """Whether a clone's state is current; ``None`` if the clones of the same key tell."""
        if self._has_begun(clone.task_id, position):
            return True
        if state_at(self._states, clone.task_id, position) not in NEVER_STARTED:
            # It began, in an earlier attempt.
            return False
        return None if self._stopping.isdisjoint(clone.other_upstream) else True

    def _deciding(self, clone: CloneSpec, position: int) -> list[CloneSpec]:
        """Return the tasks whose clones of the same key tell: one suffices, or all must, by the rule."""
        if not clone.needs_success:
            # A trigger rule of the author's own may go by any of them, also by those that succeeded.
            return clone.same_key
        return [
            other
            for other in clone.same_key
            if state_at(self._states, other.task_id, position) in WITHOUT_RESULT
        ]
