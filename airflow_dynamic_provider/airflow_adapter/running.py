"""Runs an operator inside another one's task instance. In a node's process, and under ``.local()``."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@functools.cache
def context_keys() -> frozenset[str]:
    """Return the names of what Airflow's task context holds."""
    # For makers of decorators, though not listed as exported.
    from airflow.sdk.bases.decorator import KNOWN_CONTEXT_KEYS  # type: ignore[attr-defined]

    return frozenset(KNOWN_CONTEXT_KEYS)


@contextlib.contextmanager
def as_current(context: dict[str, Any]) -> Iterator[None]:
    """Have what asks for the context of the running task find this one."""
    # Private: Airflow makes its own context known in this way, and has no other.
    from airflow.sdk.execution_time.context import set_current_context

    with set_current_context(context):  # type: ignore[arg-type]
        yield


def join_dag(operator: Any, dag: Any) -> None:
    """Have an operator find its Dag, without adding it to the Dag."""
    # Private: an operator finds its Dag in this attribute, and the public way would add it to the Dag.
    object.__setattr__(operator, "_dag", dag)


@contextlib.contextmanager
def inside_another(operator: Any) -> Iterator[None]:
    """Let an operator run that is not the one of the task instance, without Airflow's warning."""
    # Private: Airflow warns of operators that run inside others, which is what a node is for.
    from airflow.sdk.bases.operator import ExecutorSafeguard

    token = ExecutorSafeguard.tracker.set(operator)
    try:
        yield
    finally:
        ExecutorSafeguard.tracker.reset(token)


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Stop what runs in here after some seconds, as Airflow does for ``execution_timeout``.

    Raises:
        AirflowTaskTimeout: The time is over.
    """
    # Private: Airflow's own limit, because there is no public one.
    from airflow.sdk.execution_time.timeout import TimeoutPosix

    with TimeoutPosix(seconds):  # type: ignore[no-untyped-call]
        yield
