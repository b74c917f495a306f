"""What the routes of Airflow's API server use: the user, access to a Dag, a database session.

The API server uses it for the routes of the pages. Airflow mounts the application of a plugin unchanged, and
has no public way to ask who may see a Dag. The applications of Airflow's own providers import these.
"""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag

__all__ = ["DagAccessEntity", "GetUserDep", "SessionDep", "requires_access_dag"]
