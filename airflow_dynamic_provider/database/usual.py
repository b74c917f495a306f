"""Finds the states of keys without reading all task instances, where most of them are in the same state.

Airflow has an index by state and one by map index. By the first, the database counts the task instances in
each state, and finds those that are not in the usual state, which are few in most runs. By the second, it
lists the keys. It does not visit the task instances in the usual state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.database.cells import ORDER, rank
from airflow_dynamic_provider.database.runs import name_of_state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_dynamic_provider.database.runs import RunSource


@dataclass(frozen=True)
class Usual:
    """The states of the task instances of some tasks, if each task has a task instance for each key.

    Attributes:
        task_ids: The tasks.
        state: The most frequent state.
        others: The other states, without ``None``.
    """

    task_ids: Sequence[str]
    state: str | None
    others: frozenset[str]

    @property
    def rank(self) -> int:
        """The rank of the most frequent state."""
        return rank(self.state)


def find_usual(source: RunSource, task_ids: Sequence[str], count: int) -> Usual | None:
    """Return the states of some tasks, ``None`` if a task has no task instance for a key. Two queries.

    Args:
        source: The run.
        task_ids: The tasks.
        count: The number of keys.
    """
    from sqlalchemy import func, not_, select

    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

    instances = source.instances_of(task_ids)
    by_state = select(TaskInstance.state, func.count()).where(*instances).group_by(TaskInstance.state)
    counts = {name_of_state(state): number for state, number in source.session.execute(by_state)}
    is_of_key = TaskInstance.map_index.between(0, count - 1)
    of_no_key = select(func.count()).select_from(TaskInstance).where(*instances, not_(is_of_key))
    if sum(counts.values()) - (source.session.scalar(of_no_key) or 0) != count * len(task_ids):
        return None
    usual = max(counts, key=counts.__getitem__)
    # Also those that there are not: a task instance may be in such a state by the next query.
    others = {state for state in (*counts, *ORDER) if state not in (usual, None)}
    return Usual(task_ids, usual, frozenset(others))


def unusual_keys(
    source: RunSource, usual: Usual, rank_of_instance: Any, is_wanted: Callable[[Any], Any]
) -> Any:
    """Return a query with a row for each key that has a task instance in another state than the usual one.

    Its columns are ``position`` and ``rank``: the rank of the state of the key that matters most.

    Args:
        source: The run.
        usual: The states.
        rank_of_instance: The rank of a task instance.
        is_wanted: Returns the condition that a column with a map index is that of a wanted key.
    """
    from sqlalchemy import and_, case, func, literal, or_, select

    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

    is_other = TaskInstance.state.in_(usual.others)
    if usual.state is not None:
        is_other = or_(is_other, TaskInstance.state.is_(None))
    position, lowest = TaskInstance.map_index, func.min(rank_of_instance)
    has_usual = func.count() < len(usual.task_ids)
    return (
        select(
            position.label("position"),
            case((and_(has_usual, lowest > usual.rank), literal(usual.rank)), else_=lowest).label("rank"),
        )
        .where(*source.instances_of(usual.task_ids), is_wanted(position), is_other)
        .group_by(position)
    )


def all_keys(source: RunSource, usual: Usual, unusual: Any, is_wanted: Callable[[Any], Any]) -> Any:
    """Return a query with the same columns and a row for each key.

    Args:
        source: The run.
        usual: The states.
        unusual: The query that `unusual_keys` returns.
        is_wanted: As there.
    """
    from sqlalchemy import func, select

    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

    position, others = TaskInstance.map_index, unusual.subquery()
    return (
        select(position.label("position"), func.coalesce(others.c.rank, usual.rank).label("rank"))
        .outerjoin(others, others.c.position == position)
        # Each task has a task instance for each key.
        .where(*source.instances_of(usual.task_ids[:1]), is_wanted(position))
    )
