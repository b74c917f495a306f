"""One look at a workflow's states for all of its waiting nodes in a triggerer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from airflow_dynamic_provider.errors import PlanMismatchError
from airflow_dynamic_provider.workflows.progress.growth import Snapshot
from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec

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
        self._began_at = 0.0
        self._snapshot: Snapshot | None = None
        self._error: Exception | None = None
        self._changed = asyncio.Condition()
        self._soon = asyncio.Event()
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

    async def next(self, seen: int, since: float = 0.0) -> tuple[int, Snapshot]:
        """Return the number of the latest look and what was seen, once there is one after ``seen``.

        Args:
            seen: The number of the look that was seen last, 0 for none.
            since: When the look has to have begun at the earliest, by the monotonic clock. An older one knows
                nothing of what was cleared, or of task instances that were made, before the caller began.

        Raises:
            PlanMismatchError: Something is planned that the workflow of this watch does not know.
            Exception: What has kept it from looking for two minutes.
        """
        async with self._changed:
            await self._changed.wait_for(
                lambda: (self._looks > seen and self._began_at >= since) or self._error is not None
            )
        if self._error is not None:
            raise self._error
        assert self._snapshot is not None
        return self._looks, self._snapshot

    def look_soon(self) -> None:
        """Have the next look begin now instead of after the pause that there is between two looks.

        While a look is under way, or after one that failed, another one follows it at once.
        """
        self._soon.set()

    async def _look_again_and_again(self) -> None:
        succeeded_at = time.monotonic()
        # A cancellation is lost when it meets the end of a pause (up to Python 3.11).
        while self._users:
            pause = min(MOST_INTERVAL, max(LEAST_INTERVAL, self._users * INTERVAL_PER_NODE))
            self._soon.clear()
            try:
                began_at = time.monotonic()
                self._snapshot = await self._look()
                self._began_at = began_at
                self._looks += 1
                succeeded_at = time.monotonic()
            except PlanMismatchError as error:
                self._error = error
            except Exception as error:
                log.warning("Could not look at the nodes of %s", self._reader.spec.name, exc_info=True)
                pause = AFTER_FAILURE
                if time.monotonic() - succeeded_at > PATIENCE:
                    self._error = error
            async with self._changed:
                self._changed.notify_all()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._soon.wait(), pause)

    async def _look(self) -> Snapshot:
        if self._snapshot is None or not self._snapshot.is_complete:
            # What was seen before stays as it was: others may be reading it.
            self._reader = self._reader.without_lists()
        return await in_turn(Snapshot, self._reader)


async def in_turn(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function that talks to Airflow's API, when it is its turn and on a thread of its own."""
    return await _turns().take(function, *arguments)


class _Turns:
    """Lets the looks of all workflows in a triggerer take turns, in a thread of their own.

    The thread that ``sync_to_async`` takes by default is one for all triggers of all providers: with 30
    workflows others would wait half a second for it. And all that asks for anything shares one connection,
    by which a triggerer answers one request after the other: looks take half of it at most.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "dynamic-workflows")
        self._free_at = 0.0

    async def take(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function when it is its turn, and the last one was as long ago as it took."""
        from asgiref.sync import sync_to_async

        async with self._lock:
            await asyncio.sleep(max(0.0, self._free_at - time.monotonic()))
            began = time.monotonic()
            try:
                # Up to Airflow 3.2 a thread may ask for something only if ``sync_to_async`` has started it.
                called = sync_to_async(function, thread_sensitive=False, executor=self._thread)
                return await called(*arguments)
            finally:
                ended = time.monotonic()
                self._free_at = ended + min(ended - began, MOST_INTERVAL)


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = WeakKeyDictionary()


def _turns() -> _Turns:
    # One for each loop, because a lock belongs to one. A triggerer has one loop for as long as it runs.
    loop = asyncio.get_running_loop()
    if loop not in _TURNS:
        _TURNS[loop] = _Turns()
    return _TURNS[loop]


_WATCHES: dict[Any, Watch] = {}


def watch(dag_id: str, run_id: str, spec: WorkflowSpec) -> Watch:
    """Return the watch over a workflow of a run; use it as an asynchronous context manager.

    A Dag may be changed while a run of it goes on. What began to wait before that knows the workflow as it
    was then, so there is a watch for each.
    """
    key = (dag_id, run_id, json.dumps(spec.pack(), sort_keys=True))
    if key not in _WATCHES:
        _WATCHES[key] = Watch(dag_id, run_id, spec)
    return _WATCHES[key]
