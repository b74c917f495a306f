"""Why keys of a run failed: their errors, grouped."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from airflow_dynamic_provider.database.failure_groups import group_keys
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.ui import models
from airflow_dynamic_provider.ui.access import READS_RUN, SessionDep
from airflow_dynamic_provider.ui.presenting import LONGEST_ERROR, present
from airflow_dynamic_provider.ui.turns import PageRoute

router = APIRouter(tags=["errors"], route_class=PageRoute, dependencies=READS_RUN)

# The number of groups that an answer has, and the number of keys that each of them names.
_MOST_GROUPS = 50
_NAMED = 3


@router.get("/dags/{dag_id}/runs/{run_id}/errors")
def get_errors(
    dag_id: str,
    run_id: str,
    session: SessionDep,
    of: Annotated[str, Query(description="The dynamic output")],
) -> models.ErrorGroups:
    """Return the failed keys by their errors, without numbers, paths, names and strings."""
    run = open_run(session, dag_id, run_id)
    found = group_keys(Matrix(run.source, run.space(of)))
    return models.ErrorGroups(
        groups=[
            present(
                models.ErrorGroup,
                group,
                count=len(group.names),
                error=group.error[:LONGEST_ERROR],
                names=group.names[:_NAMED],
            )
            for group in found.groups[:_MOST_GROUPS]
        ],
        more_groups=max(0, len(found.groups) - _MOST_GROUPS),
        left_out=found.left_out,
    )
