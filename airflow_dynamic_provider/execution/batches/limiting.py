"""Counts the failed keys of a map whose keys run in batches, to keep its ``max_failures``.

A batch knows its own failed keys at once. About once a second, it tells the other batches of the map how many
they are, in an XCom of its task instance, and reads what the others tell.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import FAILED, RUNNING, UP_FOR_RETRY
from airflow_dynamic_provider.execution.batch_records.failures import FAILURES_XCOM, StoredFailures

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.batches.batch import Batch
    from airflow_dynamic_provider.execution.limits import Limit

#: The time between two looks at the other batches, in seconds.
_LOOK_EVERY = 1.0

# The states of a task instance whose stored number is that of its last try, or of its running one.
_COUNTED = frozenset({FAILED, RUNNING, UP_FOR_RETRY})


class Limiter:
    """Decides whether a batch may start another key.

    Keys are counted in the thread that starts them. `exchange` may be called in another thread.

    Args:
        batch: The batch.
        limit: The limit of its map.
    """

    def __init__(self, batch: Batch, limit: Limit) -> None:
        self.limit = limit
        self._batch = batch
        self._own = 0
        self._told = 0
        # Task -> the failed keys of its other batches.
        self._others: dict[str, int] = {}
        self._allowed: int | None = None
        self._is_exceeded = False
        self._last = 0.0

    @property
    def is_exceeded(self) -> bool:
        """Whether no further key may start in this try. No API call."""
        if not self._is_exceeded and self._allowed is not None:
            self._is_exceeded = self.limit.is_exceeded(self._count, self._allowed)
        return self._is_exceeded

    @property
    def is_due(self) -> bool:
        """Whether it is time to look at the other batches."""
        return time.monotonic() - self._last >= _LOOK_EVERY

    def add_failure(self) -> None:
        """Count a key of this batch that failed. No API call."""
        self._own += 1

    def exchange(self) -> None:
        """Tell the other batches how many keys failed here, and read what they tell.

        One API call for each task of the map, and one more if the number has changed. If a task
        instance of the run was cleared, one more for the states of the batches.
        """
        self.tell()
        context = self._batch.context
        if self._allowed is None:
            self._allowed = self.limit.allowed(context)
        self._others = {task_id: self._read(task_id) for task_id in self.limit.task_ids}
        self._last = time.monotonic()

    def tell(self) -> None:
        """Tell the other batches how many keys failed here. One API call if the number has changed."""
        if (failures := self._own) != self._told:
            stored = StoredFailures(self._batch.map_index, failures)
            xcom.push(self._batch.context, FAILURES_XCOM, stored.pack())
            self._told = failures

    def _count(self, task_ids: list[str]) -> int:
        own = self._own if self._batch.spec.task_id in task_ids else 0
        return own + sum(self._others.get(task_id, 0) for task_id in task_ids)

    def _read(self, task_id: str) -> int:
        """Return how many keys of the other batches of a task have failed."""
        context = self._batch.context
        told = [StoredFailures.unpack(each) for each in xcom.pull_all(context, task_id, FAILURES_XCOM)]
        if task_id == self._batch.spec.task_id:
            told = [each for each in told if each.map_index != self._batch.map_index]
        if told and xcom.was_cleared(context):
            # Other batches may have been cleared too. Until they start, Airflow keeps their XComs.
            states = xcom.read_states(context, [task_id])
            told = [each for each in told if states.get((task_id, each.map_index)) in _COUNTED]
        return sum(each.failures for each in told)
