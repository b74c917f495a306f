"""Who may see what, as Airflow's own checks say, and the database session of a request."""

from __future__ import annotations

from fastapi import Depends

from airflow_dynamic_provider.airflow_adapter.server import DagAccessEntity, SessionDep, requires_access_dag

__all__ = ["READS_DAG", "READS_RUN", "SessionDep"]

#: May see the Dag: 401 without login, 403 without rights. Airflow takes the Dag from the address.
READS_DAG = Depends(requires_access_dag("GET"))

#: May see the task instances of the Dag and what they stored.
READS_RUN = [
    Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE)),
    Depends(requires_access_dag("GET", DagAccessEntity.XCOM)),
]
