"""Runs the calls of a batch, as many at a time as its author wants.

Plain functions run one after the other in the task's own thread, or in several threads. ``async`` functions
run in one event loop. The arguments of a call are made when it is about to start, so those of later calls
need no memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol

from airflow_dynamic_provider.definitions.batches import ASYNC_CONCURRENCY
from airflow_dynamic_provider.execution.batches.calling import (
    await_call,
    is_async,
    run_call,
    timed_out,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from airflow_dynamic_provider.definitions.batches import Batch
    from airflow_dynamic_provider.execution.batches.calling import Call, Outcome
    from airflow_dynamic_provider.execution.batches.policies import Judge

    _Awaited = Coroutine[Any, Any, Outcome]

#: How often the loop looks whether what has ended must be stored, in seconds.
_LOOK_EVERY = 0.1


class Ended(Protocol):
    """Receives the calls that have ended."""

    @property
    def is_due(self) -> bool:
        """Whether it is time to store what has ended."""

    def may_start(self, call: Call) -> bool:
        """Return whether a call may start. It makes no API call."""

    def add(self, call: Call, outcome: Outcome) -> None:
        """Accept a call that has ended. It makes no API call."""

    def flush(self) -> None:
        """Store what has ended. It may be called in another thread."""


def run_calls(
    calls: Iterator[Call],
    function: Callable[..., object],
    settings: Batch,
    ended: Ended,
    judge: Judge | None = None,
) -> None:
    """Run calls, and tell of each when it has ended.

    Args:
        calls: The calls.
        function: The function that all of them call.
        settings: The author's settings.
        ended: Receives each call with its outcome.
        judge: What asks the task's retry policy, if it has one, in other processes.
    """
    is_awaited = is_async(function)
    concurrency = settings.concurrency or (ASYNC_CONCURRENCY if is_awaited else 1)
    if settings.runner not in (None, "threads"):
        asyncio.run(_run_elsewhere(calls, function, settings, ended, judge))
    elif is_awaited:
        # A call to Airflow's API must not be made in the thread of the loop while a function awaits one.
        may_start = (call for call in list(calls) if ended.may_start(call))
        loop = _Loop(may_start, ended, settings.timeout_seconds, await_call)
        asyncio.run(loop.run(concurrency))
    elif concurrency > 1 or settings.timeout_seconds is not None:
        asyncio.run(_run_in_threads(calls, ended, settings.timeout_seconds, concurrency))
    else:
        with _storing_regularly(ended):
            for call in calls:
                ended.add(call, run_call(call))


@contextlib.contextmanager
def _storing_regularly(ended: Ended) -> Iterator[None]:
    """Store what has ended about once a second, from another thread, because a key may take long."""
    is_over = threading.Event()

    def store() -> None:
        while not is_over.wait(_LOOK_EVERY):
            if ended.is_due:
                ended.flush()

    thread = threading.Thread(target=store, name="dynamic-outputs-storing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


async def _run_in_threads(
    calls: Iterator[Call], ended: Ended, timeout: float | None, concurrency: int
) -> None:
    from anyio import CapacityLimiter, to_thread

    limiter = CapacityLimiter(concurrency)

    async def run(call: Call) -> Outcome:
        # A thread that takes too long cannot be stopped. Nobody waits for it, and another takes its place.
        return await to_thread.run_sync(run_call, call, abandon_on_cancel=True, limiter=limiter)

    await _Loop(calls, ended, timeout, run).run(concurrency)


async def _run_elsewhere(
    calls: Iterator[Call],
    function: Callable[..., object],
    settings: Batch,
    ended: Ended,
    judge: Judge | None,
) -> None:
    # Imported only here: most batches run in the task's own process.
    from airflow_dynamic_provider.execution.batches.executors import (
        AuthorsExecutor,
        ProcessPool,
        processors,
    )

    elsewhere: ProcessPool | AuthorsExecutor
    if callable(settings.runner):
        elsewhere = AuthorsExecutor(function, settings.runner(), settings.concurrency, judge)
    else:
        elsewhere = ProcessPool(function, settings.concurrency or processors(), judge)
    try:
        await _Loop(calls, ended, settings.timeout_seconds, elsewhere.run).run(elsewhere.places)
    finally:
        elsewhere.close()


class _Loop:
    """Runs calls in an event loop.

    Args:
        calls: The calls.
        ended: Receives each call with its outcome.
        timeout: The time that a call may take, in seconds; ``None`` for no limit.
        run: Runs a call.
    """

    def __init__(
        self, calls: Iterator[Call], ended: Ended, timeout: float | None, run: Callable[[Call], _Awaited]
    ) -> None:
        self._calls = calls
        self._ended = ended
        self._timeout = timeout
        self._run = run

    async def run(self, concurrency: int) -> None:
        """Run all calls, some of them at the same time."""
        storing = asyncio.create_task(self._store_regularly())
        try:
            await asyncio.gather(*(self._work() for _ in range(concurrency)))
        finally:
            storing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await storing

    async def _work(self) -> None:
        for call in self._calls:
            started = datetime.now(timezone.utc)
            try:
                outcome = await asyncio.wait_for(self._run(call), self._timeout)
            except asyncio.TimeoutError:
                assert self._timeout is not None
                outcome = timed_out(self._timeout, started, call)
            self._ended.add(call, outcome)

    async def _store_regularly(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            if self._ended.is_due:
                await asyncio.to_thread(self._ended.flush)
