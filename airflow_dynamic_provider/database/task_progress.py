"""Reads how far the keys of each task are: the counts and times that `progress` computes with.

The database counts. Keys in batches come from what `Totals` reads of them for its sums.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.cells import name_counts
from airflow_dynamic_provider.database.instances import read_instances
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.progress import WINDOW, Pace, Progress, pace_of
from airflow_dynamic_provider.database.runs import name_of_state
from airflow_dynamic_provider.definitions.states import FAILED, SUCCESS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo

# The states of keys that ran to their end. A skipped key takes no time, and would make the others look fast.
_RAN = (SUCCESS, FAILED)


def watched_matrix(run: OpenRun, info: SpaceInfo) -> Matrix:
    """Return the matrix of a key space that `read_progress` can read."""
    return Matrix(run.source, info, with_ends=_is_running(run))


def read_progress(run: OpenRun, matrix: Matrix, now: datetime | None = None) -> dict[str, Progress]:
    """Return task -> how far its keys are, for the tasks of a matrix; nothing before there are keys.

    It takes one query while the run is running, two if it has ended, and one more for tasks that run their
    keys in batches.

    Args:
        run: The run.
        matrix: The matrix, made by `watched_matrix`.
        now: The time.
    """
    if matrix.keys.paths is None:
        return {}
    reader = _Reader(run, matrix, now or datetime.now(timezone.utc))
    found = {**dict(reader.single()), **dict(reader.batched())}
    return {task_id: found[task_id] for task_id in matrix.info.task_ids}


class _Reader:
    def __init__(self, run: OpenRun, matrix: Matrix, now: datetime) -> None:
        self._source = run.source
        self._matrix = matrix
        self._count = len(matrix.keys.paths or ())
        self._single_ids, self._batched_ids = matrix.info.split(matrix.info.task_ids)
        self._now = now
        # Airflow sets it again when a run continues after a clear. What ended before says nothing about now.
        self._since: datetime | None = run.dag_run.start_date if _is_running(run) else None

    def single(self) -> Iterator[tuple[str, Progress]]:
        """Yield the tasks that have a task instance for each key."""
        counts: dict[str, Counter[str | None]] = {task_id: Counter() for task_id in self._single_ids}
        ended, recent = Counter[str](), Counter[str]()
        started: dict[str, list[datetime]] = {task_id: [] for task_id in self._single_ids}
        for task_id, state, count, its_ended, its_recent, first in self._rows():
            counts[task_id][name_of_state(state)] += count
            ended[task_id] += its_ended or 0
            recent[task_id] += its_recent or 0
            started[task_id] += [first] if first is not None else []
        for task_id, by_state in counts.items():
            by_state[self._matrix.totals.whole.get(task_id)] += self._count - by_state.total()
            pace = self._pace(recent[task_id], ended[task_id], started[task_id])
            yield task_id, Progress(_named(by_state), pace)

    def batched(self) -> Iterator[tuple[str, Progress]]:
        """Yield the tasks that run their keys in batches."""
        if not self._batched_ids:
            return
        of_batches = read_instances(self._source, self._batched_ids)
        for task_id in self._batched_ids:
            states = self._matrix.totals.in_batches.get(task_id, {})
            by_state = Counter(each.state for each in states.values())
            by_state[None] += self._count - by_state.total()
            started = [
                each.start_date
                for each in of_batches.values()
                if each.task_id == task_id and each.map_index != UNMAPPED and self._is_of_now(each.start_date)
            ]
            ends = [each.ended for each in states.values() if each.ended is not None and each.state in _RAN]
            recent, ended = (sum(map(moment.__le__, ends)) for moment in self._moments)
            yield task_id, Progress(_named(by_state), self._pace(recent, ended, filter(None, started)))

    def _rows(self) -> list[tuple[str, str | None, int, int | None, int | None, datetime | None]]:
        """Return for each task and state: the keys, those that ended since and recently, the first start."""
        from sqlalchemy import and_, case, func, literal, not_, select

        from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

        if not self._single_ids:
            return []
        counts = self._matrix.totals.counts_by_task if self._since is None else None
        if counts is not None:
            # Nobody waits for the end of a run that has ended, so the states are enough.
            return [(task_id, state, count, 0, 0, None) for (task_id, state), count in counts.items()]
        since = self._since or self._now
        columns = (TaskInstance.task_id, TaskInstance.state)
        ran = and_(TaskInstance.state.in_(_RAN), TaskInstance.start_date >= since)
        is_recent = and_(ran, TaskInstance.end_date >= self._now - timedelta(seconds=WINDOW))
        is_stale = self._matrix.totals.staleness.condition
        wanted = select(
            *columns,
            func.count(),
            func.sum(case((ran, 1), else_=0)),
            func.sum(case((is_recent, 1), else_=0)),
            func.min(case((TaskInstance.start_date >= since, TaskInstance.start_date))),
        ).where(
            *self._source.instances_of(self._single_ids),
            TaskInstance.map_index.between(0, self._count - 1),
            literal(value=True) if is_stale is None else not_(is_stale),
        )
        return [tuple(row) for row in self._source.session.execute(wanted.group_by(*columns))]

    @property
    def _moments(self) -> tuple[float, float]:
        """The beginning of the last minutes, and of the run, in seconds since 1970."""
        since = (self._since or self._now).timestamp()
        return max(since, self._now.timestamp() - WINDOW), since

    def _is_of_now(self, start: datetime | None) -> bool:
        return start is not None and self._since is not None and start >= self._since

    def _pace(self, recent: int, ended: int, started: Iterable[datetime]) -> Pace | None:
        first = min(started, default=None)
        if self._since is None or first is None:
            return None
        return pace_of(recent=recent, ended=ended, seconds=(self._now - first).total_seconds())


def _named(counts: Counter[str | None]) -> dict[str, int]:
    return {state: count for state, count in name_counts(counts).items() if count}


def _is_running(run: OpenRun) -> bool:
    return name_of_state(run.dag_run.state) == "running"
