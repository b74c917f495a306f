"""A key in the last runs, and all keys of a run beside those of the run before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from airflow_dynamic_provider.database.comparison import Change, compare, run_before
from airflow_dynamic_provider.database.history import History
from airflow_dynamic_provider.database.key_history import read_key_history
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.runs import find_space, open_dag, open_run
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.access import READS_RUN, SessionDep
from airflow_dynamic_provider.ui.keys import read_key_path
from airflow_dynamic_provider.ui.presenting import present, present_run
from airflow_dynamic_provider.ui.turns import PageRoute

if TYPE_CHECKING:
    from collections.abc import Sequence

router = APIRouter(tags=["comparison"], route_class=PageRoute, dependencies=READS_RUN)

# The number of keys that an answer names of each kind.
_SHOWN = 50

_Of = Annotated[str, Query(description="The dynamic output")]


@router.get("/dags/{dag_id}/key-history")
def get_key_history(
    dag_id: str,
    session: SessionDep,
    of: _Of,
    key: Annotated[str, Query(description="The key: a JSON list")] = "",
    runs: Annotated[int, Query(ge=1, le=50, description="The number of runs")] = 15,
) -> models.KeyHistory:
    """Return the state and the duration of one key in the last runs, from the oldest."""
    find_space(open_dag(session, dag_id), of)
    history = History(session, dag_id, of, runs)
    found = read_key_history(history, read_key_path(key))
    return models.KeyHistory(
        runs=[
            models.KeyInRun(
                run=present_run(past.dag_run),
                is_there=summary is not None,
                state=None if summary is None else summary.state,
                duration=None if summary is None else summary.duration,
            )
            for past, summary in zip(history.runs, found, strict=True)
        ]
    )


@router.get("/dags/{dag_id}/runs/{run_id}/comparison")
def get_comparison(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    of: _Of,
    other: Annotated[str, Query(description="The other run; empty for the one before")] = "",
) -> models.Comparison:
    """Return the keys that are new, gone, newly failed, repaired or slower than in another run."""
    run = open_run(session, dag_id, run_id)
    this = Matrix(run.source, run.space(of))
    named = other or run_before(session, dag_id, run_id)
    # The first run is compared with itself: nothing differs.
    former = run if named is None else open_run(session, dag_id, named)
    found = compare(this, Matrix(former.source, former.space(of)))
    return models.Comparison(
        other=None if named is None else present_run(former.dag_run),
        **{name: _group(changes) for name, changes in vars(found).items()},
    )


def _group(changes: Sequence[Change]) -> models.Changes:
    return models.Changes(
        total=len(changes),
        keys=[
            present(models.ChangedKey, change, key_path=list(change.path), key=render_key(change.path))
            for change in changes[:_SHOWN]
        ],
    )
