"""Finds the states of keys without reading all task instances, where most of them are in the same state.

Airflow has an index by state and one by map index. By the first, the database counts the task instances in
each state, and finds those that are not in the usual state, which are few in most runs. By the second, it
lists the keys. It does not visit the task instances in the usual state.
"""

from __future__ import annotations

from collections import Counter
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


def count_states(source: RunSource, task_ids: Sequence[str], count: int) -> Counter[tuple[str, str | None]]:
    """Return (task, state) -> number of keys that have such a task instance. Two queries.

    Args:
        source: The run.
        task_ids: The tasks.
        count: The number of keys.
    """
    from sqlalchemy import func, or_, select

    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

    columns = (TaskInstance.task_id, TaskInstance.state)
    of_all = select(*columns, func.count()).where(*source.instances_of(task_ids)).group_by(*columns)
    # Two ranges, which a database finds by the index.
    of_no_key = of_all.where(or_(TaskInstance.map_index < 0, TaskInstance.map_index >= count))
    counts: Counter[tuple[str, str | None]] = Counter()
    for sign, statement in ((1, of_all), (-1, of_no_key)):
        for task_id, state, number in source.session.execute(statement):
            counts[task_id, name_of_state(state)] += sign * number
    return +counts


def find_usual(counts: Counter[tuple[str, str | None]], task_ids: Sequence[str], count: int) -> Usual | None:
    """Return the states of some tasks, ``None`` if a task has no task instance for a key.

    Args:
        counts: What `count_states` returns.
        task_ids: The tasks.
        count: The number of keys.
    """
    if counts.total() != count * len(task_ids):
        return None
    by_state: Counter[str | None] = Counter()
    for (_, state), number in counts.items():
        by_state[state] += number
    ((usual, _),) = by_state.most_common(1)
    # Also those that there are not: a task instance may be in such a state by the next query.
    others = {state for state in (*by_state, *ORDER) if state not in (usual, None)}
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

    is_other: Any = TaskInstance.state.in_(usual.others)
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
