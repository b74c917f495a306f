"""Who may see what: Airflow's own checks, and its database session. The only use of its server's insides.

Airflow offers plugins no stable interface for either; its own providers use these.
"""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends

__all__ = ["READS_DAG", "READS_RUN", "SessionDep"]

#: May see the Dag: 401 without login, 403 without rights. Airflow takes the Dag from the address.
READS_DAG = Depends(requires_access_dag("GET"))

#: May see the task instances of the Dag and what they stored.
READS_RUN = [
    Depends(requires_access_dag("GET", DagAccessEntity.TASK_INSTANCE)),
    Depends(requires_access_dag("GET", DagAccessEntity.XCOM)),
]
