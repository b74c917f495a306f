"""Writes what a user did into Airflow's audit log, outside the event loop of the API server.

Airflow's own dependency commits in the event loop, and Airflow has no other way to write such a line. On
SQLite, the commit waits until another request of the same process has committed, and that request waits for
the event loop. The API server then stands still until SQLite gives up.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from airflow.api_fastapi.logging.decorators import action_logging
from starlette.concurrency import run_in_threadpool

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def audit_log(event: str) -> Callable[..., Awaitable[None]]:
    """Return a dependency of a route that writes a line into Airflow's audit log."""
    return commits_in_thread(action_logging(event))


def commits_in_thread(log_action: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """Return a dependency with the same parameters, whose commit does not block the event loop."""

    @functools.wraps(log_action)
    async def log_and_commit(*, session: Any, **others: Any) -> None:
        await log_action(session=_Uncommitted(session), **others)
        await run_in_threadpool(session.commit)

    # FastAPI would look up the names in annotations in this module.
    log_and_commit.__signature__ = inspect.signature(log_action, eval_str=True)  # type: ignore[attr-defined]
    return log_and_commit


class _Uncommitted:
    """A session that leaves the commit to its owner."""

    def __init__(self, session: Any) -> None:
        self.add = session.add

    def commit(self) -> None:
        """Do nothing."""
