"""What is known of the maps in a Dag file, as plain values. Nothing here knows Airflow.

Pairs are (task, upstream task); both are task ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.execution.spaces import find_routes

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from airflow_dynamic_provider.execution.spaces import Route, Space

Pair = tuple[str, str]


@dataclass(frozen=True)
class Way:
    """How a clone gets from its own key to another task's.

    Attributes:
        base: A space that its key is made of.
        via: The route from there.
    """

    base: Space
    via: Route = ()


@dataclass(frozen=True)
class Gathering:
    """What a clone collects of another key space, below its own key only.

    Attributes:
        task_ids: The cloned tasks whose states matter.
        keys_task_id: The task that lists the keys.
        of: The collection, as the clone's process needs it.
    """

    task_ids: frozenset[str]
    keys_task_id: str
    of: Any = field(default=None, compare=False)


@dataclass(frozen=True)
class Notes:
    """What cloned tasks are arranged by.

    Attributes:
        upstream: Task -> what the Dag file has it wait for, for every task but those of the arrangement.
        passing_on: The tasks that do not run when an upstream task failed.
        space_of: Cloned task -> its key space.
        unit_of: Cloned task -> what moves with it as a whole: itself, or a group of the author's.
        uses: Pairs of cloned tasks: the first receives the second's value of a key -> the ways to that key.
        orders: Pairs of cloned tasks that the author ordered without data.
        collects_all: Pairs: the first receives values of all the second's clones.
        gathers: Cloned task -> what it collects below its own key only.
    """

    upstream: Mapping[str, Set[str]]
    passing_on: Set[str]
    space_of: Mapping[str, Space]
    unit_of: Mapping[str, str]
    uses: Mapping[Pair, Set[Way]] = field(default_factory=dict)
    orders: Set[Pair] = frozenset()
    collects_all: Set[Pair] = frozenset()
    gathers: Mapping[str, tuple[Gathering, ...]] = field(default_factory=dict)


def are_related(one: Space, other: Space) -> bool:
    """Whether the keys of one space are made of the other's, so that their tasks are ordered key by key."""
    return bool(find_routes(one, other).found or find_routes(other, one).found)
