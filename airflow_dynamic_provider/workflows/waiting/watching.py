"""Reads a workflow's states once for all of its waiting nodes in a triggerer."""

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

#: The seconds between two looks per waiting node, and their minimum and maximum. Few nodes see a change
#: almost at once. With 200 nodes or more, there is one look per second.
INTERVAL_PER_NODE = 0.005
LEAST_INTERVAL, MOST_INTERVAL = 0.1, 1.0

#: How many seconds looks may fail before the waiting nodes fail, and the pause after a failed look.
PATIENCE = 120
AFTER_FAILURE = 5.0

log = logging.getLogger(__name__)


class Watch:
    """Looks repeatedly at one workflow of one Dag run, as long as something waits for it.

    There is one per triggerer process, workflow and run. `watch` returns it.
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
        """Wait for a look after ``seen``, and return its number and its snapshot.

        Args:
            seen: The number of the last look that the caller has seen, 0 for none.
            since: The earliest start of the look, by the monotonic clock. An older look may miss task
                instances that were cleared or made before the caller began.

        Raises:
            PlanMismatchError: A plan has a node of a kind that the workflow of this watch does not have.
            Exception: The error with which looks have failed for two minutes.
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
        """Begin the next look now, without the pause between two looks.

        If a look is in progress, the next one follows it at once, even if it fails.
        """
        self._soon.set()

    async def _look_again_and_again(self) -> None:
        succeeded_at = time.monotonic()
        # Up to Python 3.11, a cancellation is lost if it coincides with the end of a pause.
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
            # The earlier snapshot is not changed, because others may be reading it.
            self._reader = self._reader.without_lists()
        return await in_turn(Snapshot, self._reader)


async def in_turn(function: Callable[..., T], *arguments: Any) -> T:
    """Call a function that uses Airflow's API when its turn comes, on a separate thread."""
    return await _turns().take(function, *arguments)


class _Turns:
    """Lets the looks of all workflows in a triggerer take turns, on a separate thread.

    All triggers of all providers share the default thread of ``sync_to_async``. With 30 workflows, others
    would wait half a second for it. All requests also share one connection, on which a triggerer answers them
    one after the other. Looks use at most half of its time.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, "dynamic-workflows")
        self._free_at = 0.0

    async def take(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call a function when its turn comes, after a pause as long as the last call took."""
        from asgiref.sync import sync_to_async

        async with self._lock:
            await asyncio.sleep(max(0.0, self._free_at - time.monotonic()))
            began = time.monotonic()
            try:
                # Up to Airflow 3.2, only threads that ``sync_to_async`` started may send requests.
                called = sync_to_async(function, thread_sensitive=False, executor=self._thread)
                return await called(*arguments)
            finally:
                ended = time.monotonic()
                self._free_at = ended + min(ended - began, MOST_INTERVAL)


_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, _Turns] = WeakKeyDictionary()


def _turns() -> _Turns:
    # One for each loop, because a lock belongs to a loop. A triggerer has only one loop.
    loop = asyncio.get_running_loop()
    if loop not in _TURNS:
        _TURNS[loop] = _Turns()
    return _TURNS[loop]


_WATCHES: dict[Any, Watch] = {}


def watch(dag_id: str, run_id: str, spec: WorkflowSpec) -> Watch:
    """Return the watch of a workflow in a run. Use it as an asynchronous context manager.

    A Dag may change during a run. Triggers that began to wait earlier have the earlier version of the
    workflow, so each version has its own watch.
    """
    key = (dag_id, run_id, json.dumps(spec.pack(), sort_keys=True))
    if key not in _WATCHES:
        _WATCHES[key] = Watch(dag_id, run_id, spec)
    return _WATCHES[key]
