"""The results that cached tasks of a Dag have kept, for commands over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from airflow_dynamic_provider.cache.catalogue import (
    Selection,
    delete_results,
    describe_result,
    find_results,
)
from airflow_dynamic_provider.database.runs import open_dag
from airflow_dynamic_provider.ui import models  # noqa: TC001 (read at run time)
from airflow_dynamic_provider.ui.access import CLEARS_RUN, READS_RUN, SessionDep
from airflow_dynamic_provider.ui.turns import ClearRoute, ExportRoute

_KEPT = "/dags/{dag_id}/answers/kept-results"

router = APIRouter(route_class=ExportRoute, dependencies=READS_RUN, include_in_schema=False)
_clears = APIRouter(route_class=ClearRoute, dependencies=CLEARS_RUN, include_in_schema=False)


@router.get(_KEPT)
def list_results(
    dag_id: str,
    session: SessionDep,
    wanted: Annotated[models.KeptQuery, Query()],
) -> dict[str, Any]:
    """Return the results that are meant."""
    open_dag(session, dag_id)
    found = find_results(Selection.of(dag_id=dag_id, **wanted.model_dump(exclude={"with_content"})))
    return {"results": [describe_result(kept, with_content=wanted.with_content) for kept in found]}


@_clears.post(f"{_KEPT}/clear")
def clear_results(dag_id: str, session: SessionDep, wanted: models.KeptSelection) -> dict[str, Any]:
    """Delete the results that are meant, and return them."""
    open_dag(session, dag_id)
    found = list(find_results(Selection.of(dag_id=dag_id, **wanted.model_dump())))
    delete_results(found)
    return {"results": list(map(describe_result, found))}


router.include_router(_clears)
