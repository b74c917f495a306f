"""Airflow's own access checks, and the database session of a request."""

from __future__ import annotations

from fastapi import Depends

from airflow_dynamic_provider.airflow_adapter.server import DagAccessEntity, SessionDep, requires_access_dag

__all__ = ["READS_DAG", "READS_RUN", "SessionDep"]

#: Requires read access to the Dag in the URL: 401 without login, 403 without permission.
READS_DAG = Depends(requires_access_dag("GET"))

#: Requires read access to the task instances of the Dag and their XComs.
READS_RUN = [
    Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE)),
    Depends(requires_access_dag("GET", DagAccessEntity.XCOM)),
]
