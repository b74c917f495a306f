"""Airflow's own access checks, and the database session of a request."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, HTTPException, Request

from airflow_dynamic_provider.airflow_adapter.audit_log import audit_log
from airflow_dynamic_provider.airflow_adapter.server import (
    DagAccessEntity,
    GetUserDep,
    SessionDep,
    requires_access_dag,
)

__all__ = ["CLEARS_RUN", "READS_DAG", "READS_RUN", "MayClear", "SessionDep"]

_check_clear = requires_access_dag("PUT", DagAccessEntity.TASK_INSTANCE)

#: Requires read access to the Dag in the URL: 401 without login, 403 without permission.
READS_DAG = Depends(requires_access_dag("GET"))

#: Requires read access to the task instances of the Dag and their XComs.
READS_RUN = [
    Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE)),
    Depends(requires_access_dag("GET", DagAccessEntity.XCOM)),
]

#: Requires what Airflow's own route for clearing requires, and writes a line into Airflow's audit log.
CLEARS_RUN = [Depends(_check_clear), Depends(audit_log("clear_dynamic_outputs"))]


def _may_clear(request: Request, user: GetUserDep) -> bool:
    try:
        _check_clear(request, user)
    except HTTPException:
        return False
    return True


#: Whether the user may clear task instances of the Dag in the URL.
MayClear = Annotated[bool, Depends(_may_clear)]
