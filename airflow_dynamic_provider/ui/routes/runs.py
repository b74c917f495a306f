"""The dynamic outputs and workflows of a Dag and of a run, and the matrix of keys and tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from airflow_dynamic_provider.database import matrix
from airflow_dynamic_provider.database.filters import query_of, sorted_by
from airflow_dynamic_provider.database.key_labels import read_labels
from airflow_dynamic_provider.database.runs import OpenRun, open_dag, open_run
from airflow_dynamic_provider.database.task_progress import read_progress, watched_matrix
from airflow_dynamic_provider.database.workflow_view import look_at_workflow
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.access import READS_DAG, READS_RUN, SessionDep
from airflow_dynamic_provider.ui.filtering import Filter  # noqa: TC001 (read at run time)
from airflow_dynamic_provider.ui.keys import read_key_path
from airflow_dynamic_provider.ui.presenting import (
    is_running,
    present_columns,
    present_progress,
    present_row,
    present_run,
    present_space,
)
from airflow_dynamic_provider.ui.turns import PageRoute

if TYPE_CHECKING:
    from airflow_dynamic_provider.database.structure import SpaceInfo

router = APIRouter(tags=["runs"], route_class=PageRoute)


@router.get("/dags/{dag_id}/outputs", dependencies=[READS_DAG])
def get_dag_outputs(dag_id: str, session: SessionDep) -> models.DagOutputs:
    """Return the dynamic outputs and workflows of the newest version of a Dag."""
    structure = open_dag(session, dag_id)
    return models.DagOutputs(
        spaces=[present_space(info) for info in structure.spaces.values()],
        workflows=[
            models.WorkflowInfo(name=spec.name, is_mapped=spec.is_mapped)
            for spec in structure.workflows.values()
        ],
    )


@router.get("/dags/{dag_id}/runs/{run_id}/outputs", dependencies=READS_RUN)
def get_run_outputs(dag_id: str, run_id: str, session: SessionDep) -> models.RunOutputs:
    """Return the dynamic outputs and workflows of a run, with counts of their states."""
    run = open_run(session, dag_id, run_id)
    return models.RunOutputs(
        run=present_run(run.dag_run),
        spaces=[_space(run, info) for info in run.structure.spaces.values()],
        workflows=[_workflow(run, name) for name in run.structure.workflows],
    )


@router.get("/dags/{dag_id}/runs/{run_id}/keys", dependencies=READS_RUN)
def get_keys(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    of: Annotated[str, Query(description="The dynamic output")],
    wanted: Filter,
    column: Annotated[str, Query(description="The label of a metadata entry to show in each row")] = "",
    sort: matrix.Sort = "position",
    descending: bool = False,
    parent: Annotated[str, Query(description="Only keys below this one: a JSON list")] = "",
    flat: Annotated[bool, Query(description="Do not fold nested keys")] = False,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> models.KeysPage:
    """Return a page of the matrix: a row for each key, a cell for each task. Nested keys are folded."""
    run = open_run(session, dag_id, run_id)
    info = run.space(of)
    found = matrix.Matrix(run.source, info)
    query = query_of(
        found,
        wanted,
        sort=sort,
        is_descending=descending,
        parent=read_key_path(parent),
        is_flat=flat,
        limit=limit,
        offset=offset,
    )
    if sort == "metadatum":
        query = sorted_by(found, query, column)
    page = found.page(query)
    shown = [row.position for row in page.rows if row.position is not None] if column else []
    values = {at: each.get(column) for at, each in read_labels(found, shown, [column]).items()}
    return models.KeysPage(
        of=of,
        columns=present_columns(info),
        total=page.total,
        offset=offset,
        limit=limit,
        counts=dict(page.counts),
        is_running=is_running(run.dag_run),
        rows=[
            present_row(row, None if row.position is None else values.get(row.position)) for row in page.rows
        ],
        message=page.message,
    )


def _space(run: OpenRun, info: SpaceInfo) -> models.RunSpace:
    found = watched_matrix(run, info)
    paths = found.keys.paths
    return models.RunSpace(
        progress=[present_progress(*each) for each in read_progress(run, found).items()],
        **present_space(info).model_dump(),
        keys=None if paths is None else len(paths),
        counts=found.counts,
        has_stale=found.totals.has_stale,
        producer_state=found.keys.listing.state,
        message=found.keys.message or found.totals.message,
    )


def _workflow(run: OpenRun, name: str) -> models.RunWorkflow:
    view = look_at_workflow(run, name)
    return models.RunWorkflow(
        name=name,
        is_mapped=view.spec.is_mapped,
        nodes=view.count,
        counts=view.counts,
        state=view.state,
        message=view.message,
    )
