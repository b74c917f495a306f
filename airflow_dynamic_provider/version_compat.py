"""The only place that asks which Airflow this is: what moved or changed between the supported versions."""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Any

try:
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, XComNotFound
except ImportError:
    # Airflow 3.1 has them in its core package only.
    from airflow.exceptions import (  # type: ignore[no-redef, attr-defined, unused-ignore]
        AirflowFailException,
        AirflowSkipException,
        XComNotFound,
    )

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "AirflowFailException",
    "AirflowSkipException",
    "XComNotFound",
    "get_listener_manager",
    "one_execution_api",
]


def get_listener_manager() -> Any:
    """Return what calls the listeners of tasks that run in this process."""
    try:
        from airflow.sdk.listener import get_listener_manager
    except ImportError:  # up to Airflow 3.2, tasks and scheduler have one in common
        from airflow.listeners.listener import get_listener_manager  # type: ignore[assignment]
    return get_listener_manager()


@contextlib.contextmanager
def one_execution_api() -> Iterator[None]:
    """Have ``dag.test()`` keep one web application for all task instances, as Airflow 3.3 does by itself.

    Up to Airflow 3.2 it builds one for each of them, which takes seconds and leaves a thread behind.
    """
    from airflow.sdk.execution_time import supervisor

    build = supervisor.in_process_api_server
    if hasattr(build, "cache_info"):
        yield
        return
    supervisor.in_process_api_server = functools.cache(build)
    try:
        yield
    finally:
        supervisor.in_process_api_server = build
