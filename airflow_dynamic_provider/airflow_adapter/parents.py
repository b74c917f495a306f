"""When a process begins that forks tasks or Dag files: before it forks the first of them.

Only such a process imports this. Listeners are documented, but `airflow.sdk` does not export what marks their
hooks; a Celery worker has no hook of Airflow's, and calls no listener before it forks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from collections.abc import Callable


class AtStart:
    """A listener: calls a function when a scheduler or a Dag processor starts.

    Args:
        call: The function.
    """

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call

    @hookimpl
    def on_starting(self, component: object) -> None:
        """Airflow calls this for each component, before the scheduler starts its executor."""
        self._call()


def at_start_of_celery_worker(call: Callable[[], None]) -> None:
    """Call a function when this process has become a Celery worker, before it forks its pool."""
    from celery.signals import import_modules  # type: ignore[import-untyped, unused-ignore]

    def imported(*_args: Any, **_more: Any) -> None:
        call()

    # Celery keeps a weak reference only, unless it is told otherwise.
    import_modules.connect(imported, weak=False)
