"""What the commands ask over HTTP: the same documents as commands that read the database themselves."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from airflow_dynamic_provider.database import answers
from airflow_dynamic_provider.database.runs import LATEST, open_named_run
from airflow_dynamic_provider.database.selection import Selection
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.access import CLEARS_RUN, READS_RUN, SessionDep
from airflow_dynamic_provider.ui.routes.clearing import refusal_of
from airflow_dynamic_provider.ui.turns import ClearRoute, PageRoute

_RUN = "/dags/{dag_id}/runs/{run_id}/answers"

# Without a place in the schema: the answers change with the commands, which have the same release.
router = APIRouter(prefix=_RUN, route_class=PageRoute, dependencies=READS_RUN, include_in_schema=False)
_clears = APIRouter(route_class=ClearRoute, dependencies=CLEARS_RUN, include_in_schema=False)

_Of = Annotated[str | None, Query(description="The dynamic output; null for all, or the one with the key")]
_Key = Annotated[str, Query(description="The key: outer/inner or a JSON list")]


@router.get("/outputs")
def get_outputs(dag_id: str, run_id: str, session: SessionDep) -> dict[str, Any]:
    """Return the dynamic outputs and workflows of a run, with counts of their states."""
    return answers.list_outputs(open_named_run(session, dag_id, run_id))


@router.get("/keys")
def get_keys(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    of: _Of = None,
    state: Annotated[list[str] | None, Query(description="Only keys in these states, or `none`")] = None,
    match: Annotated[str, Query(description="A pattern that the whole key must match")] = "",
    limit: Annotated[int, Query(ge=0)] = 1000,
) -> dict[str, Any]:
    """Return the keys of a run in the order in which they were produced."""
    run = open_named_run(session, dag_id, run_id)
    return answers.list_keys(run, of=of, state=state or (), match=match, limit=limit)


@router.get("/key")
def get_key(dag_id: str, run_id: str, session: SessionDep, key: _Key, of: _Of = None) -> dict[str, Any]:
    """Return a key: its origin, its metadata and its task instances."""
    return answers.show_key(open_named_run(session, dag_id, run_id), key=key, of=of)


@router.get("/failures")
def get_failures(dag_id: str, run_id: str, session: SessionDep, of: _Of = None) -> dict[str, Any]:
    """Return why keys and tasks failed, grouped by their errors."""
    return answers.explain_run(open_named_run(session, dag_id, run_id), of=of)


@router.get("/failures-of-key")
def get_failures_of_key(
    dag_id: str, run_id: str, session: SessionDep, key: _Key, of: _Of = None
) -> dict[str, Any]:
    """Return why the task instances of a key failed or did not run, with their tracebacks."""
    return answers.explain_key(open_named_run(session, dag_id, run_id), key=key, of=of)


@router.get("/differences")
def get_differences(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    other: Annotated[str, Query(description="The other run")] = LATEST,
    of: _Of = None,
) -> dict[str, Any]:
    """Return the keys that differ between the run and another run of the Dag."""
    return answers.compare_runs(open_named_run(session, dag_id, run_id), other=other, of=of)


@router.post("/find-to-clear")
def find_to_clear(
    dag_id: str, run_id: str, wanted: models.CommandSelection, session: SessionDep
) -> dict[str, Any]:
    """Return the task instances that would run again."""
    return answers.find_to_clear(open_named_run(session, dag_id, run_id), _selection(wanted))


@_clears.post("/clear")
def clear(dag_id: str, run_id: str, wanted: models.CommandClear, session: SessionDep) -> dict[str, Any]:
    """Clear them with what depends on them, in one transaction, and return them as they were before."""
    run = open_named_run(session, dag_id, run_id)
    selection = _selection(wanted)
    if (refusal := refusal_of(selection.find(run))) is not None:
        raise HTTPException(422, refusal)
    before = answers.clear_selected(run, selection, keep_results=wanted.keep_results)
    # Before the answer is sent, which says that it is done.
    session.commit()
    return before


router.include_router(_clears)


def _selection(wanted: models.CommandSelection) -> Selection:
    return Selection(**wanted.model_dump(include=set(models.CommandSelection.model_fields)))
