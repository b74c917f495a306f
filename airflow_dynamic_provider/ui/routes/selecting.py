"""Names of keys: those that a filter selects, to copy them, and those of a pasted list, to select them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from airflow_dynamic_provider.database.filters import chosen_by
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.database.spelling import find_all_spelled
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.access import READS_RUN, SessionDep
from airflow_dynamic_provider.ui.filtering import Filter  # noqa: TC001 (read at run time)
from airflow_dynamic_provider.ui.turns import PageRoute

router = APIRouter(tags=["keys"], route_class=PageRoute, dependencies=READS_RUN)

# The number of names that one answer has: some megabytes.
_MOST_NAMES = 100_000


@router.get("/dags/{dag_id}/runs/{run_id}/key-names")
def get_key_names(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    of: Annotated[str, Query(description="The dynamic output")],
    wanted: Filter,
) -> models.KeyNames:
    """Return the names of the keys that a filter selects, in the order of the keys."""
    run = open_run(session, dag_id, run_id)
    matrix = Matrix(run.source, run.space(of))
    positions = chosen_by(matrix, wanted)
    paths = matrix.keys.paths or ()
    return models.KeyNames(
        total=len(positions), names=[render_key(paths[position]) for position in positions[:_MOST_NAMES]]
    )


@router.post("/dags/{dag_id}/runs/{run_id}/find-keys")
def find_keys(dag_id: str, run_id: str, wanted: models.PastedKeys, session: SessionDep) -> models.FoundKeys:
    """Return which keys some names belong to. This changes nothing."""
    run = open_run(session, dag_id, run_id)
    found, missing = find_all_spelled(wanted.names, Matrix(run.source, run.space(wanted.of)).keys.paths or ())
    return models.FoundKeys(keys=[list(path) for path in found], missing=missing)
