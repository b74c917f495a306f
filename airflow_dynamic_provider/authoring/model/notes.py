"""The facts about the maps in a Dag file, as plain values. Nothing here depends on Airflow.

Pairs are (task, upstream task); both are task ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.execution.spaces import find_routes

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from airflow_dynamic_provider.execution.spaces import Cut, Route, Space

Pair = tuple[str, str]


class Way(Record):
    """The way from a clone's own key to the key of another task.

    Attributes:
        base: A space that the clone's key is made of.
        via: The route from there.
    """

    base: Space
    via: Route = ()


class Gathering(Record):
    """A collection, by a clone, of values of another key space below its own key.

    Attributes:
        task_ids: The cloned tasks whose states matter.
        space: The key space of the values.
        tolerates_failures: Whether the clone may run although keys failed.
        of: The collection, as the clone's process needs it.
    """

    task_ids: frozenset[str]
    space: Space
    tolerates_failures: bool = False
    of: Any = field(default_factory=lambda: None, compare=False)

    @property
    def keys_task_id(self) -> str:
        """The task that lists the keys."""
        return self.space.keys_task_id


class Notes(Record):
    """The facts by which cloned tasks are arranged.

    Attributes:
        upstream: Task -> the upstream tasks that the Dag file gives it, without tasks of the arrangement.
        passing_on: The tasks that do not run if an upstream task failed.
        space_of: Cloned task -> its key space.
        unit_of: Cloned task -> what moves with it as a whole: itself, or one of the author's groups.
        uses: Pair of cloned tasks -> the ways to the keys whose values the first receives from the second.
        orders: Pairs of cloned tasks that the author ordered without data.
        collects_all: Pairs: the first receives values of all clones of the second.
        gathers: Cloned task -> its collections of values below its own key.
        cut_of: Batched task -> the division of its keys into batches.
    """

    upstream: Mapping[str, Set[str]]
    passing_on: Set[str]
    space_of: Mapping[str, Space]
    unit_of: Mapping[str, str]
    uses: Mapping[Pair, Set[Way]] = field(default_factory=dict)
    orders: Set[Pair] = frozenset()
    collects_all: Set[Pair] = frozenset()
    gathers: Mapping[str, tuple[Gathering, ...]] = field(default_factory=dict)
    cut_of: Mapping[str, Cut] = field(default_factory=dict)


def are_related(one: Space, other: Space) -> bool:
    """Return whether the keys of one space are made of the other's. Their tasks are then ordered by key."""
    return bool(find_routes(one, other).found or find_routes(other, one).found)
