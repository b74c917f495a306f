"""Calls a function in a process that forks tasks or Dag files, before the first fork.

Only such a process imports this. Airflow documents listeners, but `airflow.sdk` does not export the decorator
of their hooks. A Celery worker calls no listener before it forks, so Celery's own signal is used there.
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
    """Call a function when this process starts as a Celery worker, before it forks its pool."""
    from celery.signals import import_modules  # type: ignore[import-untyped, unused-ignore]

    def imported(*_args: Any, **_more: Any) -> None:
        call()

    # By default, Celery keeps only a weak reference.
    import_modules.connect(imported, weak=False)
