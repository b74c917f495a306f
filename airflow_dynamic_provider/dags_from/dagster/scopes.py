"""The job or graph whose body is running, and the maps around the code that runs."""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.dags_from.dagster.nodes import Composition, Settings


class Scope(Record, eq=False):
    """The graph whose body is running.

    Attributes:
        into: What is recorded.
        path: The name of the graph, after those of the graphs around it; ``""`` for the job.
        settings: The settings of its nodes.
    """

    into: Composition
    path: str
    settings: Settings

    def path_of(self, name: str) -> str:
        """Return the path of a node of the graph."""
        return f"{self.path}.{name}" if self.path else name


class MapCall(Record, eq=False):
    """A map whose function is running.

    Attributes:
        over: The value of one key.
        batch: The maximum number of keys in one task instance, or a ``Batch``.
    """

    over: Any
    batch: Any


_SCOPE: ContextVar[Scope | None] = ContextVar("dagster_graph", default=None)
_MAPS: ContextVar[tuple[MapCall, ...]] = ContextVar("dagster_maps", default=())


def current_scope() -> Scope | None:
    """Return the graph whose body is running, ``None`` outside of one."""
    return _SCOPE.get()


def current_maps() -> tuple[MapCall, ...]:
    """Return the maps around the code that runs, the innermost last."""
    return _MAPS.get()


@contextlib.contextmanager
def composing(scope: Scope) -> Iterator[None]:
    """Record what is called, inside the ``with`` statement."""
    token = _SCOPE.set(scope)
    try:
        yield
    finally:
        _SCOPE.reset(token)


@contextlib.contextmanager
def mapping(over: Any, batch: Any) -> Iterator[None]:
    """Have nodes that are mapped over a dynamic output run in batches, inside the ``with`` statement."""
    token = _MAPS.set((*_MAPS.get(), MapCall(over, batch)))
    try:
        yield
    finally:
        _MAPS.reset(token)
