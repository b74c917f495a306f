"""The map that the Dag file is currently in, if any. Handles have another meaning inside a map."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.authoring.model.dag_graph import KeySpace
    from airflow_dynamic_provider.definitions.batches import Batch
    from airflow_dynamic_provider.definitions.cache import Cache
    from airflow_dynamic_provider.execution.limits import Limit
    from airflow_dynamic_provider.execution.spaces import Cut


class MapScope(Record):
    """A mapped function that is being evaluated.

    Attributes:
        space: The keys that it is mapped over.
        known_tasks: The tasks that existed before.
        known_groups: The task groups that existed before.
        max_active: The maximum number of active clones of each of its tasks; ``None`` for no limit.
        batches: How its tasks run many keys in one task instance; ``None`` if they run one.
        cache: How the results of its tasks are kept over runs; ``None`` if they are not.
        limit: How many keys may fail before no further key is started; ``None`` for no limit.
    """

    space: KeySpace
    known_tasks: frozenset[str]
    known_groups: frozenset[str | None]
    max_active: int | None
    batches: BatchesOfMap | None = None
    cache: Cache | None = None
    limit: Limit | None = None


class BatchesOfMap(Record):
    """How the tasks of a map run many keys in one task instance.

    Attributes:
        cut: The division of the keys into batches.
        settings: The author's settings.
    """

    cut: Cut
    settings: Batch


_SCOPE: ContextVar[MapScope | None] = ContextVar("dynamic_map_scope", default=None)


def current_scope() -> MapScope | None:
    """Return the innermost map that is being evaluated, ``None`` outside a map."""
    return _SCOPE.get()


@contextmanager
def enter_scope(scope: MapScope | None) -> Iterator[None]:
    """Make this the current map inside the ``with`` statement; ``None`` for none."""
    token = _SCOPE.set(scope)
    try:
        yield
    finally:
        _SCOPE.reset(token)
