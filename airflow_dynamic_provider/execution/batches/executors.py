"""Runs the calls of a batch in other processes: in a pool of this machine, or in the author's executor."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import sys
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import DynamicOutputsError
from airflow_dynamic_provider.execution.batches.calling import failed, masked
from airflow_dynamic_provider.execution.batches.remote import (
    Envelope,
    RemoteCall,
    inherit,
    run_remotely,
)
from airflow_dynamic_provider.execution.metadata import GATHERED_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.execution.batches.calling import Call, Outcome
    from airflow_dynamic_provider.execution.batches.policies import Judge

#: How many keys an author's executor gets at the same time, if neither the author nor it says how many.
DEFAULT_PLACES = 16


class ProcessPool:
    """A pool of processes that are forked from the task's, so they have its modules and its function.

    A pool is replaced when a process of it has died, or holds a key that took too long.

    Args:
        function: The function that all calls have in common.
        processes: The number of processes.
        judge: What asks the task's retry policy, if it has one.
    """

    def __init__(self, function: Callable[..., Any], processes: int, judge: Judge | None = None) -> None:
        self.places = processes
        self._others = set(multiprocessing.active_children())
        self._function = function
        self._judge = judge
        self._retired: list[ProcessPoolExecutor] = []
        self._pool = self._make()

    async def run(self, call: Call) -> Outcome:
        """Run a call in one of the processes."""
        pool = self._pool
        try:
            return await _outcome_of(call, pool, None)
        except BrokenExecutor as error:
            self._replace(pool)
            return failed(_died(error), call=call)
        except asyncio.CancelledError:
            # Nobody waits for a process that cannot be stopped.
            self._replace(pool)
            raise

    def close(self) -> None:
        """End all processes, also those that still run a key."""
        for pool in (*self._retired, self._pool):
            pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - self._others:
            process.kill()

    def _replace(self, pool: ProcessPoolExecutor) -> None:
        if pool is self._pool:
            self._retired.append(pool)
            self._pool = self._make()

    def _make(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.places,
            multiprocessing.get_context("fork"),
            initializer=inherit,
            initargs=(self._function, self._judge),
        )


class AuthorsExecutor:
    """An executor that the author's callable returned: of Dask, of Ray, or of the standard library.

    Args:
        function: The function that all calls have in common.
        executor: The executor.
        places: How many keys it gets at the same time; ``None`` for as many as it has workers.
        judge: What asks the task's retry policy, if it has one.
    """

    def __init__(
        self, function: Callable[..., Any], executor: Any, places: int | None, judge: Judge | None = None
    ) -> None:
        if not isinstance(executor, Executor):
            raise DynamicOutputsError(
                f"runner= returned {executor!r} of type {type(executor).__name__}, which is not an executor",
                remedy="Return a concurrent.futures.Executor, such as Client(...).get_executor() of Dask.",
            )
        self._executor = executor
        self._function = pickled(function, judge)
        self.places = places or workers_of(executor) or DEFAULT_PLACES

    async def run(self, call: Call) -> Outcome:
        """Run a call wherever the executor wants."""
        try:
            return await _outcome_of(call, self._executor, self._function)
        except BrokenExecutor as error:
            return failed(_died(error), call=call)

    def close(self) -> None:
        """Close the executor."""
        with contextlib.suppress(Exception):
            self._executor.shutdown(wait=False)


async def _outcome_of(call: Call, executor: Executor, function: bytes | None) -> Outcome:
    """Run a call in an executor, and return what became of it.

    Raises:
        BrokenExecutor: The process that ran it died.
    """
    try:
        future = executor.submit(run_remotely, RemoteCall.of(call, function))
        envelope = await asyncio.wrap_future(future)
    except BrokenExecutor:
        raise
    except Exception as error:
        return failed(error, call=call)
    return opened(call, envelope)


def opened(call: Call, envelope: Envelope) -> Outcome:
    """Return the outcome in an envelope, after logging its lines and keeping its metadata with the key."""
    for line in envelope.lines:
        logging.getLogger(line.logger).log(line.level, "[%s] %s", call.mapping_key, line.message)
    call.context[GATHERED_KEY].outputs.update(envelope.metadata)
    call.context[GATHERED_KEY].keys.update(envelope.keys)
    return masked(envelope.outcome)


def pickled(function: Callable[..., Any], judge: Judge | None = None) -> bytes:
    """Return a function and a judge in a form that another machine, which lacks the Dag file, can load.

    Raises:
        DynamicOutputsError: The package cloudpickle is not installed.
    """
    try:
        import cloudpickle  # type: ignore[import-untyped, unused-ignore]
    except ImportError as error:
        raise DynamicOutputsError(
            "runner= is a callable, and functions of a Dag file reach other machines only with cloudpickle",
            remedy="Install cloudpickle on the workers (Dask brings it), or use another runner.",
        ) from error

    module = sys.modules.get(function.__module__)
    if module is None:
        return bytes(cloudpickle.dumps((function, judge)))
    # Other processes cannot import the module that Airflow makes of a Dag file.
    cloudpickle.register_pickle_by_value(module)
    try:
        return bytes(cloudpickle.dumps((function, judge)))
    finally:
        cloudpickle.unregister_pickle_by_value(module)


def workers_of(executor: Any) -> int | None:
    """Return how many calls an executor can run at the same time, ``None`` if it does not say.

    An executor says so in the attribute ``max_workers``. Those of the standard library have it as
    ``_max_workers``. Dask's executor has a client that knows the workers of the cluster.
    """
    for name in ("max_workers", "_max_workers"):
        if isinstance(count := getattr(executor, name, None), int) and count > 0:
            return count
    client: Any = getattr(executor, "_client", None)
    return sum(client.ncores().values()) or None if hasattr(client, "ncores") else None


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _died(error: BrokenExecutor) -> Exception:
    return DynamicOutputsError(
        f"the process that ran it died: {error}", remedy="It may have run out of memory."
    )
