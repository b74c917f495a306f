"""Which map, if any, the Dag file is in the middle of: handles mean something else inside one."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.authoring.key_space import KeySpace


@dataclass(frozen=True)
class MapScope:
    """A mapped function that is being evaluated, or whose tasks are being made clones."""

    space: KeySpace


_SCOPE: ContextVar[MapScope | None] = ContextVar("dynamic_map_scope", default=None)


def current_scope() -> MapScope | None:
    """Return the map that is being evaluated, ``None`` outside one."""
    return _SCOPE.get()


@contextmanager
def enter_scope(space: KeySpace) -> Iterator[MapScope]:
    """Evaluate a map over ``space``."""
    scope = MapScope(space)
    token = _SCOPE.set(scope)
    try:
        yield scope
    finally:
        _SCOPE.reset(token)
