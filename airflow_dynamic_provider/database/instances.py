"""Task instances of Airflow's database as plain values, without a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.parts import among
from airflow_dynamic_provider.database.runs import name_of_state
from airflow_dynamic_provider.definitions.states import FINAL

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime
    from typing import Any

    from airflow_dynamic_provider.database.runs import RunSource


@dataclass(frozen=True)
class Instance:
    """A task instance.

    Attributes:
        task_id: Its task.
        map_index: Its map index, -1 if the task is not mapped.
        state: Its state; ``None`` before the scheduler looks at it.
        try_number: The number of its latest try.
        start_date: When the latest try began.
        end_date: When it ended.
        duration: The duration of its latest try in seconds; ``None`` if it has not ended.
        label: The label that Airflow shows for its map index.
    """

    task_id: str
    map_index: int
    state: str | None = None
    try_number: int = 0
    start_date: datetime | None = None
    end_date: datetime | None = None
    duration: float | None = None
    label: str | None = None

    @property
    def pair(self) -> tuple[str, int]:
        """Its task and its map index, which tell it from the others of its run."""
        return self.task_id, self.map_index


def read_instances(
    source: RunSource,
    task_ids: Collection[str],
    map_indexes: Collection[int] | None = None,
    conditions: Iterable[Any] = (),
    limit: int | None = None,
    order: Iterable[Any] = (),
) -> dict[tuple[str, int], Instance]:
    """Return (task, map index) -> task instance, for those that exist. This takes one query.

    Args:
        source: The run.
        task_ids: The tasks.
        map_indexes: The map indexes; ``None`` for all.
        conditions: Further conditions of the query.
        limit: The number of task instances; ``None`` for all.
        order: What to order them by before their task and map index, if only the first are read.
    """
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import LABEL, TaskInstance

    wanted = select(
        TaskInstance.task_id,
        TaskInstance.map_index,
        TaskInstance.state,
        TaskInstance.try_number,
        TaskInstance.start_date,
        TaskInstance.end_date,
        TaskInstance.duration,
        LABEL,
    ).where(*source.instances_of(task_ids), *conditions)
    if map_indexes is not None:
        wanted = wanted.where(among(TaskInstance.map_index, map_indexes))
    if limit is not None:
        wanted = wanted.order_by(*order, TaskInstance.task_id, TaskInstance.map_index).limit(limit)
    found = {}
    for task_id, map_index, state, tries, start, end, duration, label in source.session.execute(wanted):
        named = name_of_state(state)
        # After a clear, Airflow keeps the duration of the try before until the next one ends.
        seconds = duration if named in FINAL else None
        found[task_id, map_index] = Instance(task_id, map_index, named, tries, start, end, seconds, label)
    return found
