"""What the timeline and the charts of a run show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from airflow_dynamic_provider.database import matrix
from airflow_dynamic_provider.database.filters import chosen_by
from airflow_dynamic_provider.database.history import History
from airflow_dynamic_provider.database.run_numbers import read_run_numbers
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.database.timeline import read_past_seconds, read_timeline
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.access import READS_RUN, SessionDep
from airflow_dynamic_provider.ui.filtering import Filter  # noqa: TC001 (read at run time)
from airflow_dynamic_provider.ui.keys import read_key_path
from airflow_dynamic_provider.ui.presenting import is_running, present_run
from airflow_dynamic_provider.ui.turns import PageRoute

if TYPE_CHECKING:
    from airflow_dynamic_provider.database.structure import Column
    from airflow_dynamic_provider.database.timeline import Bar

router = APIRouter(tags=["charts"], route_class=PageRoute, dependencies=READS_RUN)

_Of = Annotated[str, Query(description="The dynamic output")]


@router.get("/dags/{dag_id}/runs/{run_id}/timeline")
def get_timeline(dag_id: str, run_id: str, session: SessionDep, of: _Of, wanted: Filter) -> models.Timeline:
    """Return when the keys ran in each task: at most 10,000 keys."""
    run = open_run(session, dag_id, run_id)
    found = matrix.Matrix(run.source, run.space(of))
    timeline = read_timeline(found, chosen_by(found, wanted))
    return models.Timeline(
        keys=[list(path) for path in timeline.paths],
        tasks=[_times(column, timeline.bars[column.task_id]) for column in found.info.columns],
        is_running=is_running(run.dag_run),
        message=timeline.message,
    )


@router.get("/dags/{dag_id}/runs/{run_id}/past-durations")
def get_past_durations(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    of: _Of,
    key: Annotated[list[str] | None, Query(max_length=100, description="The keys, as JSON lists")] = None,
    runs: Annotated[int, Query(ge=1, le=50, description="The number of runs before this one")] = 10,
) -> models.PastDurations:
    """Return how long some keys took in the runs before this one."""
    run = open_run(session, dag_id, run_id)
    run.space(of)
    paths = [read_key_path(each) for each in key or ()]
    history = History(session, dag_id, of, runs, before=run.dag_run)
    rows = zip(paths, read_past_seconds(history, paths), strict=True)
    return models.PastDurations(
        runs=[present_run(past.dag_run) for past in history.runs],
        rows=[models.PastDuration(key_path=list(path), seconds=seconds) for path, seconds in rows],
    )


@router.get("/dags/{dag_id}/runs/{run_id}/numbers")
def get_run_numbers(
    dag_id: str, run_id: str, session: SessionDep, of: _Of, wanted: Filter
) -> models.RunNumbers:
    """Return the numeric metadata of the keys of a run, that of their producer and of their tasks."""
    run = open_run(session, dag_id, run_id)
    found = matrix.Matrix(run.source, run.space(of))
    numbers = read_run_numbers(found, chosen_by(found, wanted))
    return models.RunNumbers(
        keys=[list(path) for path in numbers.paths],
        numbers=[
            models.KeyNumbers(label=label, task_id=task_id, output=output, values=values)
            for (label, task_id, output), values in numbers.values.items()
        ],
        is_running=is_running(run.dag_run),
        message=numbers.message,
    )


def _times(column: Column, bars: list[Bar]) -> models.TaskTimes:
    return models.TaskTimes(
        task_id=column.task_id,
        label=column.label,
        rows=[bar.row for bar in bars],
        map_indexes=[bar.instance.map_index for bar in bars],
        states=[bar.instance.state for bar in bars],
        starts=[bar.start for bar in bars],
        seconds=[bar.instance.duration for bar in bars],
    )
