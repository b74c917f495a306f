"""Which map, if any, the Dag file is in the middle of: handles mean something else inside one."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.authoring.model.dag_graph import KeySpace


@dataclass(frozen=True)
class MapScope:
    """A mapped function that is being evaluated.

    Attributes:
        space: The keys that it is mapped over.
        known_tasks: The tasks that were there before.
        known_groups: The task groups that were there before.
        max_active: How many clones of each of its tasks may be active at once.
    """

    space: KeySpace
    known_tasks: frozenset[str]
    known_groups: frozenset[str | None]
    max_active: int | None


_SCOPE: ContextVar[MapScope | None] = ContextVar("dynamic_map_scope", default=None)


def current_scope() -> MapScope | None:
    """Return the map that is being evaluated, the innermost one; ``None`` outside."""
    return _SCOPE.get()


@contextmanager
def enter_scope(scope: MapScope) -> Iterator[MapScope]:
    """Evaluate a map."""
    token = _SCOPE.set(scope)
    try:
        yield scope
    finally:
        _SCOPE.reset(token)
