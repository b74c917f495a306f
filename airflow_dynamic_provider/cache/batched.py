"""The keys of a batched task whose results are kept over runs.

The results of a number of keys are looked up at once, in threads, before their functions run. A result is
stored in another thread, while the function of the next key runs.
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any, Protocol

from airflow_dynamic_provider.cache import results
from airflow_dynamic_provider.cache.entries import read_value, value_to_json
from airflow_dynamic_provider.cache.identity import Computation
from airflow_dynamic_provider.cache.running import Running, computes_again
from airflow_dynamic_provider.cache.store import open_store
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.errors import DynamicOutputsError
from airflow_dynamic_provider.execution.batches.calling import Call, Outcome, failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from airflow_dynamic_provider.cache.results import Hit
    from airflow_dynamic_provider.definitions.cache import Cache

#: How many results are looked up or stored at the same time.
CONCURRENCY = 16

#: How many keys are looked up before the first of them runs. Their arguments are in memory.
LOOK_UP_AT_ONCE = 256

# How many results may wait to be stored. They are in memory.
_WAITING = 4 * CONCURRENCY

# The key of the computation of a key in its context.
_RUNNING = "dynamic_cached"


class CachedKeys:
    """Keeps the results of the keys of a batched task.

    Args:
        cache: The author's settings.
        function: The author's function.
    """

    def __init__(self, cache: Cache, function: Callable[..., Any]) -> None:
        self.cache = cache
        self.function = function

    def start(self, context: Any) -> CachedRun:
        """Begin one try of a batch."""
        ti = context["ti"]
        # Its connection is looked up in this thread, which may talk to Airflow.
        open_store()
        computation = Computation(self.cache, self.function, ti.dag_id, ti.task_id)
        return CachedRun(computation, self._values(), again=computes_again(context))

    def _values(self) -> KeptValues:
        function: Any = self.function
        if not hasattr(function, "declarations"):
            return ReturnValues(function)
        # Imported here, because most batches run plain functions.
        from airflow_dynamic_provider.cache.batched_outputs import BatchedOutputs

        return BatchedOutputs(function.task_id, function.declarations)


class KeptValues(Protocol):
    """Converts what a batched function returns to JSON that can be kept, and back."""

    def read(self, stored: Any) -> Any:
        """Return a kept result from its JSON, or raise an error if it is not one of the function now."""

    def value(self, hit: Hit) -> Any:
        """Return what the function would return."""

    def content(self, value: Any) -> Any:
        """Return what the function returned as JSON, or raise an error if it cannot be kept."""

    def metadata_of_keys(self, value: Any) -> Mapping[str, Any]:
        """Return output -> mapping key -> metadata, of dynamic outputs."""


class ReturnValues:
    """Keeps what a plain function returns.

    Args:
        function: The author's function.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def read(self, stored: Any) -> Any:
        """Return the value of its JSON."""
        return read_value(self._function, stored)

    def value(self, hit: Hit) -> Any:
        """Return the value."""
        return hit.content

    def content(self, value: Any) -> Any:
        """Return the JSON of a value."""
        return value_to_json(value)

    def metadata_of_keys(self, value: Any) -> Mapping[str, Any]:
        """Return nothing: a plain function has no dynamic outputs."""
        return {}


class CachedRun:
    """The keys of one try of a batch.

    Args:
        computation: The cached function.
        values: Converts what it returns.
        again: Whether the results must be computed again.
    """

    def __init__(self, computation: Computation, values: KeptValues, *, again: bool) -> None:
        self._computation = computation
        self._values = values
        self._again = again
        self._threads = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="dynamic-outputs-cache")
        self._free = BoundedSemaphore(_WAITING)

    def look_up(self, calls: Iterator[Call]) -> Iterator[tuple[Call, Outcome | None]]:
        """Yield each call, with its outcome if it need not be made.

        One call to the object store for each, `CONCURRENCY` of them at the same time.
        """
        while some := list(itertools.islice(calls, LOOK_UP_AT_ONCE)):
            yield from zip(some, self._threads.map(self._look_up_one, some), strict=True)

    def _look_up_one(self, call: Call) -> Outcome | None:
        try:
            running = Running.of_call(call.context, self._computation, call.args, call.kwargs)
        except DynamicOutputsError as error:
            return failed(error)
        call.context[_RUNNING] = running
        running.again = self._again
        if (hit := running.find(self._values.read)) is None:
            return None
        running.use(hit)
        return Outcome(SUCCESS, self._values.value(hit))

    def keep(self, call: Call, value: Any) -> None:
        """Keep the result of a call that has succeeded. It waits only if many results wait to be stored."""
        running: Running = call.context[_RUNNING]
        # Packed at once, because the function may change what it returned when it runs for another key.
        document = running.document(lambda: self._values.content(value), self._values.metadata_of_keys(value))
        if document is None:
            return
        self._free.acquire()
        stored = self._threads.submit(results.store, running.identity, document)
        stored.add_done_callback(lambda _: self._free.release())

    def close(self) -> None:
        """Wait until everything is kept."""
        self._threads.shutdown()
