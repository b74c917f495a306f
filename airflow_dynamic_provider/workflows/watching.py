"""One look at a workflow's states for all of its waiting nodes in a triggerer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dynamic_provider.workflows.reading import Snapshot, WorkflowReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.workflows.spec import WorkflowSpec

T = TypeVar("T")

#: Seconds between two looks for each waiting node, and the least and most they can be: what few nodes wait
#: for is seen at once, and 200 nodes or more cost one look a second.
INTERVAL_PER_NODE = 0.005
LEAST_INTERVAL, MOST_INTERVAL = 0.1, 1.0

#: For how many seconds looks may fail before the waiting nodes do, and the seconds between two that fail.
PATIENCE = 120
AFTER_FAILURE = 5.0

log = logging.getLogger(__name__)


class Watch:
    """Looks at one workflow of one Dag run, once a second, for as long as something waits for it.

    One per triggerer process, workflow and run; get it with `watch`.
    """

    def __init__(self, dag_id: str, run_id: str, spec: WorkflowSpec) -> None:
        self._is_asked = asyncio.Event()
        self._reader = WorkflowReader(dag_id, run_id, spec)
        self._users = 0
        self._looks = 0
        self._snapshot: Snapshot | None = None
        self._error: Exception | None = None
        self._changed = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Watch:
        self._users += 1
        if self._task is None:
            self._task = asyncio.create_task(self._look_again_and_again())
        return self

    async def __aexit__(self, *exception: object) -> None:
        self._users -= 1
        if not self._users and self._task is not None:
            self._task.cancel()
            self._task = None
            for key in [key for key, known in _WATCHES.items() if known is self]:
                del _WATCHES[key]

    async def next(self, seen: int) -> tuple[int, Snapshot]:
        """Return the number of the latest look and what was seen, once there is one after ``seen``.

        Raises:
            Exception: What has kept it from looking for two minutes.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._looks > seen or self._error is not None)
        if self._error is not None:
            raise self._error
        assert self._snapshot is not None
        return self._looks, self._snapshot

    def look_soon(self) -> None:
        """Look again at once: something that others wait for was just stored."""
        self._is_asked.set()

    async def _look_again_and_again(self) -> None:
        succeeded_at = time.monotonic()
        while True:
            pause = min(MOST_INTERVAL, max(LEAST_INTERVAL, self._users * INTERVAL_PER_NODE))
            try:
                self._snapshot = await self._look()
                self._looks += 1
                succeeded_at = time.monotonic()
            except Exception as error:
                log.warning("Could not look at the nodes of %s", self._reader.spec.name, exc_info=True)
                pause = AFTER_FAILURE
                if time.monotonic() - succeeded_at > PATIENCE:
                    self._error = error
            async with self._changed:
                self._changed.notify_all()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._is_asked.wait(), pause)
            self._is_asked.clear()

    async def _look(self) -> Snapshot:
        if self._snapshot is None or not self._snapshot.is_complete:
            # What was seen before stays as it was: others may be reading it.
            self._reader = self._reader.without_lists()
        return await in_thread(Snapshot, self._reader)


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function that talks to Airflow's API, as triggers do: not on the thread of the event loop."""
    from asgiref.sync import sync_to_async

    return await sync_to_async(function)(*arguments)


_WATCHES: dict[Any, Watch] = {}


def watch(dag_id: str, run_id: str, spec: WorkflowSpec) -> Watch:
    """Return the watch over a workflow of a run; use it as an asynchronous context manager."""
    key = (dag_id, run_id, spec.name)
    if key not in _WATCHES:
        _WATCHES[key] = Watch(dag_id, run_id, spec)
    return _WATCHES[key]
