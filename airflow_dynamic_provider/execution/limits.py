"""The limit to the failed keys of a map, and how a clone finds that it must not start.

A key counts as failed while the last try of one of its clones has failed: while a clone is failed or waits
for a retry. What a clone asks does not grow with the number of keys: it asks for numbers of task instances.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.definitions.states import FAILED, RESCHEDULE_AFTER, UP_FOR_RETRY
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.spaces import name_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import timedelta

    from airflow_dynamic_provider.execution.spaces import KeyPath, Space

log = logging.getLogger(__name__)


class Limit(Record, frozen=False, eq=False):
    """The limit to the failed keys of a map, ``max_failures=``.

    Attributes:
        max_failures: How many keys may fail: a number of keys, or as a float a share of all.
        space: The keys of the map.
        task_ids: The tasks that the mapped function calls.
        after: Task -> the tasks of the map without whose success for a key it does not run for the key.
    """

    max_failures: int | float
    space: Space
    task_ids: list[str] = field(default_factory=list)
    after: dict[str, set[str]] = field(default_factory=dict)

    def allowed(self, context: Mapping[str, Any]) -> int:
        """Return how many keys may fail. One API call for a share."""
        if isinstance(self.max_failures, int):
            return self.max_failures
        from airflow_dynamic_provider.execution.ratios import count_of_share

        return count_of_share(self.max_failures, self._count_keys(context))

    def is_exceeded(self, count_of: Callable[[list[str]], int], allowed: int) -> bool:
        """Return whether more keys have failed than may.

        Tasks that a key runs one after the other cannot both fail for it, so their numbers are added up. Of
        tasks that run side by side, both may fail for a key, so the greater number counts.

        Args:
            count_of: Returns how many keys of some tasks have failed, added up.
            allowed: How many keys may fail.
        """
        if count_of(self.task_ids) <= allowed:
            return False
        return len(self.task_ids) == 1 or self._most_on_a_way(count_of) > allowed

    def _most_on_a_way(self, count_of: Callable[[list[str]], int]) -> int:
        most: dict[str, int] = {}

        def most_up_to(task_id: str) -> int:
            if task_id not in most:
                before = [most_up_to(each) for each in self.after.get(task_id, ())]
                most[task_id] = count_of([task_id]) + max(before, default=0)
            return most[task_id]

        return max(map(most_up_to, self.task_ids))

    def explain(self) -> str:
        """Return why a key is not started."""
        return (
            f"more keys of the map over {name_of(self.space)} have failed than max_failures="
            f"{self.max_failures} allows"
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Limit:
        # It refers to tasks, which are compared by identity.
        return self

    def _count_keys(self, context: Mapping[str, Any]) -> int:
        keys_task_id, keys_xcom = self.space.keys_task_id, self.space.keys_xcom
        stored = xcom.pull(context, keys_task_id, layout.digest_xcom(keys_xcom))
        if stored is not None:
            return layout.unpack_length(stored)
        # An earlier release listed the keys.
        return len(xcom.pull(context, keys_task_id, keys_xcom) or ())


def check_limit(context: Mapping[str, Any], limit: Limit, key_path: KeyPath, map_index: int) -> None:
    """Do not start a clone if more keys of its map have failed than the limit allows.

    Failed clones that will be retried may still succeed. The clone waits for them: it returns to the
    scheduler until their retries are due. One API call while no more keys have failed, and up to two more,
    and two for each task of the map, after that. A clone that has started is never stopped.

    Args:
        context: Airflow's task context.
        limit: The limit.
        key_path: The key path of the clone.
        map_index: Its map index.

    Raises:
        AirflowSkipException: The keys have failed for good.
        AirflowRescheduleException: Some of them will be retried.
    """
    from airflow_dynamic_provider.version_compat import AirflowRescheduleException, AirflowSkipException

    if xcom.tries_since_clear(context) > 1 or xcom.is_resumed(context):
        return
    failed = _Failed(context, [FAILED, UP_FOR_RETRY])
    if failed.count(limit.task_ids) == 0:
        return
    allowed = limit.allowed(context)
    if not limit.is_exceeded(failed.count, allowed):
        return
    reason = f"Not started: {limit.explain()}."
    if not limit.is_exceeded(_Failed(context, [FAILED]).count, allowed):
        wait = _time_to_retries(context, limit)
        log.info("%s Some of them will be retried. Waiting %s for that.", reason, wait)
        raise AirflowRescheduleException(datetime.now(timezone.utc) + wait)  # type: ignore[no-untyped-call, unused-ignore]
    mark = layout.StoredNotStarted(key_path, map_index, reason)
    xcom.push(context, layout.NOT_STARTED_XCOM, mark.pack())
    raise AirflowSkipException(reason)


class _Failed(Record, frozen=False):
    """Counts the task instances in some states, and asks for each number once."""

    context: Mapping[str, Any]
    states: list[str]
    _known: dict[tuple[str, ...], int] = field(default_factory=dict)

    def count(self, task_ids: list[str]) -> int:
        """Return the number of task instances of some tasks."""
        asked = tuple(task_ids)
        if asked not in self._known:
            self._known[asked] = xcom.count_in(self.context, task_ids, self.states)
        return self._known[asked]


def _time_to_retries(context: Mapping[str, Any], limit: Limit) -> timedelta:
    delays: list[timedelta] = [context["dag"].get_task(task_id).retry_delay for task_id in limit.task_ids]
    return max(RESCHEDULE_AFTER, *delays)
