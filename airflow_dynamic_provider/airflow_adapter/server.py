"""What Airflow's API server checks and gives to its own routes: rights on a Dag, and a database session.

The API server uses it, for the routes of the pages. Airflow mounts an application of a plugin as it is, and
has no public way to ask who may see a Dag; the applications of Airflow's own providers import these.
"""

from __future__ import annotations

from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import requires_access_dag

__all__ = ["DagAccessEntity", "SessionDep", "requires_access_dag"]
