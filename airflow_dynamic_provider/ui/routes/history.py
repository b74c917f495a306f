"""The keys of a dynamic output over the last runs: their states, and their numeric metadata."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from airflow_dynamic_provider.database.batches import MOST_CHUNKS
from airflow_dynamic_provider.database.history import History
from airflow_dynamic_provider.database.numbers import read_numbers
from airflow_dynamic_provider.database.runs import find_space, open_dag
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.access import READS_RUN, SessionDep
from airflow_dynamic_provider.ui.keys import read_key_path
from airflow_dynamic_provider.ui.presenting import present_past, present_run
from airflow_dynamic_provider.ui.turns import PageRoute

router = APIRouter(tags=["history"], route_class=PageRoute, dependencies=READS_RUN)

_Of = Annotated[str, Query(description="The dynamic output")]
_TaskId = Annotated[str | None, Query(description="Only the states in this task")]
_Runs = Annotated[int, Query(ge=1, le=100, description="The number of runs")]


@router.get("/dags/{dag_id}/history")
def get_history(
    dag_id: str,
    session: SessionDep,
    of: _Of,
    task_id: _TaskId = None,
    search: Annotated[str, Query(description="A string that the key must contain, in any case")] = "",
    runs: _Runs = 20,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> models.HistoryPage:
    """Return the state of each key in the last runs."""
    find_space(open_dag(session, dag_id), of)
    history = History(session, dag_id, of, runs)
    paths = history.keys(search)
    shown = paths[offset : offset + limit]
    rows = zip(shown, history.states(shown, task_id), strict=True)
    return models.HistoryPage(
        runs=[present_run(run.dag_run) for run in history.runs],
        total=len(paths),
        rows=[
            models.PastKey(
                key_path=list(path), key=render_key(path), states=[present_past(cell) for cell in cells]
            )
            for path, cells in rows
        ],
        message=_left_out(history),
    )


@router.get("/dags/{dag_id}/numbers")
def get_numbers(
    dag_id: str,
    session: SessionDep,
    of: _Of,
    task_id: _TaskId = None,
    key: Annotated[list[str] | None, Query(description="The keys, as JSON lists; none for all")] = None,
    runs: _Runs = 20,
) -> models.NumbersPage:
    """Return the numeric metadata over the last runs: of some keys, or the range of all keys."""
    find_space(open_dag(session, dag_id), of)
    history = History(session, dag_id, of, runs)
    found = read_numbers(history, [read_key_path(each) for each in key or ()], task_id)
    return models.NumbersPage(
        runs=[present_run(run.dag_run) for run in history.runs],
        labels=[
            models.Numbers(
                label=number.label,
                task_id=number.task_id,
                output=number.output,
                series=[
                    models.Series(name=name, values=list(values)) for name, values in number.series.items()
                ],
            )
            for number in found.numbers
        ],
        message=" ".join(filter(None, [found.message, _left_out(history)])) or None,
    )


def _left_out(history: History) -> str | None:
    messages = []
    if missing := history.unreadable:
        names = ", ".join(missing)
        messages.append(f"These runs have no such dynamic output, or cannot be read: {names}.")
    if history.is_cut:
        messages.append("Only the last runs are shown because there are many keys.")
    if history.is_short:
        messages.append(
            f"What batches stored about the keys is in more than {MOST_CHUNKS} parts. The keys in the other "
            "parts have the state of their batch."
        )
    return " ".join(messages) or None
