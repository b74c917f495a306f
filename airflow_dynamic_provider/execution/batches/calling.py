"""Calls the function of a batched task for one key, and tells what became of the key."""

from __future__ import annotations

import asyncio
import inspect
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.secrets import mask
from airflow_dynamic_provider.definitions.records import Record, field, replace
from airflow_dynamic_provider.definitions.states import FAILED, SKIPPED, SUCCESS
from airflow_dynamic_provider.execution.batches.contexts import running_key
from airflow_dynamic_provider.execution.failures import KeyFailure, failure_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from airflow_dynamic_provider.execution.batch_records.stored import BatchItem
    from airflow_dynamic_provider.execution.batches.policies import Judge, Verdict


class Call(Record):
    """One call of the function of a batched task.

    Attributes:
        function: The function.
        args: Its positional arguments.
        kwargs: Its arguments by name.
        context: The context of the key.
        judge: Asks the task's retry policy about an error, if it has one.
    """

    function: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    context: dict[str, Any]
    judge: Judge | None = None

    @property
    def mapping_key(self) -> str:
        """The key."""
        return str(self.context["mapping_key"])


class Produced(Record):
    """The outputs of a key.

    Attributes:
        static: Output -> value. An optional output that was not produced is missing.
        dynamic: Output -> what it produced.
    """

    static: Mapping[str, Any]
    dynamic: Mapping[str, Sequence[BatchItem]]


class Outcome(Record):
    """What became of a call.

    Attributes:
        state: The state of the key.
        value: What the function returned; `Produced` if it declares its outputs.
        failure: The error, if it failed.
        reason: Why it was skipped.
        is_final: Whether a retry leaves the key as it is.
        started: When it began.
        seconds: How long it took.
        verdict: What the task's retry policy decided about the error, if it was asked.
    """

    state: str
    value: Any = None
    failure: KeyFailure | None = None
    reason: str | None = None
    is_final: bool = True
    started: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    seconds: float = 0.0
    verdict: Verdict | None = None


def run_call(call: Call) -> Outcome:
    """Call the function in this thread, and return what became of it. It raises no error of the function."""
    started, clock = datetime.now(timezone.utc), time.monotonic()
    with running_key(call.context):
        try:
            value = call.function(*call.args, **call.kwargs)
            if inspect.isawaitable(value):
                # An async function in a process of its own.
                value = asyncio.run(_result_of(value))
        except Exception as error:
            return failed(error, started, time.monotonic() - clock, call=call)
    return Outcome(SUCCESS, value, started=started, seconds=time.monotonic() - clock)


async def _result_of(awaitable: Awaitable[Any]) -> Any:
    return await awaitable


async def await_call(call: Call) -> Outcome:
    """Call an ``async`` function, and return what became of it. It raises no error of the function."""
    started, clock = datetime.now(timezone.utc), time.monotonic()
    with running_key(call.context):
        try:
            value = await call.function(*call.args, **call.kwargs)
        except Exception as error:
            return failed(error, started, time.monotonic() - clock, call=call)
    return Outcome(SUCCESS, value, started=started, seconds=time.monotonic() - clock)


def failed(
    error: Exception, started: datetime | None = None, seconds: float = 0.0, *, call: Call | None = None
) -> Outcome:
    """Return what became of a call that raised an error.

    Args:
        error: The error.
        started: When the call began; by default now, for a call that did not begin or whose end is unknown.
        seconds: How long it took.
        call: The call, for what the task's retry policy decides.
    """
    from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

    times: dict[str, Any] = {"started": started or datetime.now(timezone.utc), "seconds": seconds}
    if isinstance(error, AirflowSkipException):
        return Outcome(SKIPPED, reason=mask(str(error)), **times)
    if isinstance(error, AirflowFailException):
        return Outcome(FAILED, failure=failure_of(error), **times)
    verdict = None if call is None or call.judge is None else call.judge.judge(error, call.context)
    is_final = verdict is not None and verdict.is_final
    return Outcome(FAILED, failure=failure_of(error), is_final=is_final, verdict=verdict, **times)


def masked(outcome: Outcome) -> Outcome:
    """Return what became of a call in another process, which does not know all secrets, without them."""
    if outcome.failure is None:
        return outcome
    found = outcome.failure
    return replace(outcome, failure=KeyFailure(found.kind, mask(found.message), mask(found.traceback)))


def is_async(function: Callable[..., Any]) -> bool:
    """Return whether a function must be awaited, or yields asynchronously."""
    unwrapped = inspect.unwrap(function)
    return inspect.iscoroutinefunction(unwrapped) or inspect.isasyncgenfunction(unwrapped)


def timed_out(seconds: float, started: datetime, call: Call) -> Outcome:
    """Return what became of a call that took too long."""
    return failed(TimeoutError(f"took longer than key_timeout={seconds:g} seconds"), started, call=call)
