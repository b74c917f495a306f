"""What a gate checks before a clone that depends on clones of another mapped group.

Between two mapped groups, Airflow waits for all clones of a task. A gate is a clone that waits until all of
them are done, checks those that matter to its own key, and then succeeds, fails or is skipped. In the gate's
own mapped group, Airflow applies this state to the downstream clones of this key only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.execution.sources import Source, state_task_ids

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.clones import CloneRuntime, CloneSpec
    from airflow_dynamic_provider.execution.spaces import Route, Space


class SameKey(Record, eq=False):
    """Checks the clone of a task for one key: the gate's own key, or a key that this is made of.

    Attributes:
        clone: The task.
        base: A space that the gate's own key is made of.
        via: The route from that space to the space of the task.
    """

    clone: CloneSpec
    base: Space
    via: Route

    @property
    def task_ids(self) -> set[str]:
        """The tasks whose states matter."""
        return {self.clone.task_id}

    @property
    def upstream_ids(self) -> set[str]:
        """The tasks to wait for."""
        return self.task_ids

    def positions(self, runtime: CloneRuntime) -> list[int]:
        """Return the positions of the clones that matter to this key."""
        return sorted({place.position for place in runtime.places(self.base, self.via)})


class Below(Record, eq=False):
    """Checks the clones for the keys of another key space that are collected below the gate's own key.

    Attributes:
        source: The source that is collected.
        tolerates_failures: Whether the collector may run although keys failed.
    """

    source: Source
    tolerates_failures: bool

    @property
    def task_ids(self) -> set[str]:
        """The tasks whose states matter: the collected tasks, and the tasks that produce the keys."""
        return state_task_ids(self.source)

    @property
    def upstream_ids(self) -> set[str]:
        """The tasks to wait for."""
        return self.task_ids | {self.source.space.keys_task_id}


Check = SameKey | Below
