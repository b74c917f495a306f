"""The settings of a map that runs many keys in one task instance."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable

#: The maximum number of keys of an ``async`` task that run at the same time in a batch, by default.
ASYNC_CONCURRENCY = 100

_RUNNERS = ("threads", "processes")


@dataclass(frozen=True)
class Batch:
    """How many keys of a map run in one task instance, and how they run there.

    Pass it to ``handle.map(fn, batch=Batch(500, concurrency=8))``. ``batch=500`` is short for ``Batch(500)``.

    Args:
        size: The maximum number of keys in a batch, at least 1.
        bytes: The maximum stored size of the mapped values in a batch, in bytes. A larger value has a batch
            of its own. By default, there is no limit.
        concurrency: How many keys run at the same time. By default 1 for a plain function, which need not be
            thread-safe, 100 for an ``async`` function, the number of processors for ``"processes"``, and for
            a callable what its executor says in the attribute ``max_workers`` (or ``_max_workers``, as those
            of the standard library), the threads of all workers for Dask, and 16 if nothing says how many.
        runner: ``"threads"``, ``"processes"``, or a callable that is called in the task's process and returns
            a `concurrent.futures.Executor`. By default threads, and an event loop for ``async`` functions.
        key_timeout: The time that one key may take, as a `timedelta` or in seconds; unlimited by default.

    Raises:
        DeclarationError: An argument is refused.

    Example:
        >>> Batch(500, concurrency=8).size
        500
    """

    size: int
    bytes: int | None = None
    concurrency: int | None = None
    runner: str | Callable[[], Any] | None = None
    key_timeout: timedelta | float | None = None

    def __post_init__(self) -> None:
        _check_count("size", self.size)
        for name in ("bytes", "concurrency"):
            if (value := getattr(self, name)) is not None:
                _check_count(name, value)
        if self.runner is not None and self.runner not in _RUNNERS and not callable(self.runner):
            raise DeclarationError(
                f"Batch() received runner={excerpt(self.runner)}",
                remedy='Pass "threads", "processes", or a function that returns an Executor.',
            )
        self._check_timeout()

    @property
    def timeout_seconds(self) -> float | None:
        """The time that one key may take, in seconds; ``None`` if it is unlimited."""
        timeout = self.key_timeout
        return timeout.total_seconds() if isinstance(timeout, timedelta) else timeout

    @classmethod
    def of(cls, value: object) -> Batch:
        """Return the settings that ``batch=`` stands for.

        Raises:
            DeclarationError: The value is neither a whole number of at least 1 nor a `Batch`.
        """
        if isinstance(value, cls):
            return value
        if isinstance(value, bool) or not isinstance(value, int):
            raise DeclarationError(
                f"map() received batch={excerpt(value)} of type {type(value).__name__}",
                remedy="Pass the number of keys in a batch, or a Batch.",
            )
        return cls(value)

    def _check_timeout(self) -> None:
        timeout = self.key_timeout
        if timeout is None:
            return
        is_number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
        if not is_number and not isinstance(timeout, timedelta):
            raise DeclarationError(
                f"Batch() received key_timeout={excerpt(timeout)} of type {type(timeout).__name__}",
                remedy="Pass a timedelta, or a number of seconds.",
            )
        seconds = self.timeout_seconds
        assert seconds is not None
        if not 0 < seconds < float("inf"):
            raise DeclarationError(
                f"Batch() received key_timeout={excerpt(timeout)}",
                remedy="Pass a time above 0, or leave key_timeout= out for no limit.",
            )


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise DeclarationError(
            f"Batch() received {name}={excerpt(value)}", remedy="Pass a whole number of at least 1."
        )
