"""Runs an operator inside the task instance of another: in a node's process, and in ``.local()``."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@functools.cache
def context_keys() -> frozenset[str]:
    """Return the names in Airflow's task context."""
    # Meant for authors of decorators, though not listed as exported.
    from airflow.sdk.bases.decorator import KNOWN_CONTEXT_KEYS  # type: ignore[attr-defined]

    return frozenset(KNOWN_CONTEXT_KEYS)


@contextlib.contextmanager
def as_current(context: dict[str, Any]) -> Iterator[None]:
    """Make this the context of the running task."""
    # Private: Airflow sets its own context in this way, and has no other way.
    from airflow.sdk.execution_time.context import set_current_context

    with set_current_context(context):  # type: ignore[arg-type]
        yield


def current_context() -> Any:
    """Return the context of the running task, ``None`` if no task runs in this process."""
    # Private: the public function raises an error if there is none.
    from airflow.sdk.definitions._internal.contextmanager import _CURRENT_CONTEXT

    return _CURRENT_CONTEXT[-1] if _CURRENT_CONTEXT else None


def make_current(context: Any) -> None:
    """Make this the context of the running task for the rest of this process."""
    from airflow.sdk.definitions._internal.contextmanager import _CURRENT_CONTEXT

    _CURRENT_CONTEXT.append(context)


def forget_current() -> None:
    """Forget the context of the task from whose process this one was forked."""
    from airflow.sdk.definitions._internal.contextmanager import _CURRENT_CONTEXT

    _CURRENT_CONTEXT.clear()


def join_dag(operator: Any, dag: Any) -> None:
    """Set the Dag of an operator, without adding the operator to the Dag."""
    # Private: an operator finds its Dag in this attribute, and the public way would add it to the Dag.
    object.__setattr__(operator, "_dag", dag)


@contextlib.contextmanager
def inside_another(operator: Any) -> Iterator[None]:
    """Let an operator run in the task instance of another, without Airflow's warning."""
    # Private: Airflow warns about operators that run inside others, but a node is made for that.
    from airflow.sdk.bases.operator import ExecutorSafeguard

    token = ExecutorSafeguard.tracker.set(operator)
    try:
        yield
    finally:
        ExecutorSafeguard.tracker.reset(token)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Limit the time of the ``with`` statement, as Airflow does for ``execution_timeout``.

    Raises:
        AirflowTaskTimeout: The time limit was exceeded.
    """
    # Private: Airflow's own limit, because there is no public one.
    from airflow.sdk.execution_time.timeout import TimeoutPosix

    with TimeoutPosix(seconds):  # type: ignore[no-untyped-call]
        yield


def refuse_calls(where: str) -> None:
    """Have every call of this process to Airflow's API raise `CallRefused`, because its socket is another's.

    Args:
        where: The code that must not call, as the error names it.
    """
    # Private: Airflow's own functions find the socket to the supervisor here.
    from airflow.sdk.execution_time import task_runner

    task_runner.SUPERVISOR_COMMS = _Refusal(where)  # type: ignore[assignment]


class CallRefused(BaseException):
    """A process that has no connection to Airflow called its API.

    It is no `Exception`, because Airflow's lookup of connections and variables would only log that.
    """


class _Refusal:
    """Stands in the place of the connection to Airflow's supervisor."""

    def __init__(self, where: str) -> None:
        self._where = where

    def send(self, *_: Any, **__: Any) -> None:
        """Refuse the call.

        Raises:
            CallRefused: Always.
        """
        raise CallRefused(f"Connections, variables and XComs are not available in {self._where}.")

    async def asend(self, *_: Any, **__: Any) -> None:
        """Refuse the call, as `send` does."""
        self.send()
