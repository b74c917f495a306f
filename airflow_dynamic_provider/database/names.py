"""The ids of Dags and of their runs, for the completion of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

#: The number of ids that are offered.
MOST_NAMES = 100


def find_dag_ids(session: Session, prefix: str) -> list[str]:
    """Return the ids of Dags with a prefix."""
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import DagModel

    found = select(DagModel.dag_id).where(DagModel.dag_id.startswith(prefix, autoescape=True))
    return list(session.scalars(found.order_by(DagModel.dag_id).limit(MOST_NAMES)))


def find_run_ids(session: Session, dag_id: str, prefix: str) -> list[str]:
    """Return the ids of runs of a Dag with a prefix, the newest first."""
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import DagRun

    found = select(DagRun.run_id).where(
        DagRun.dag_id == dag_id, DagRun.run_id.startswith(prefix, autoescape=True)
    )
    return list(session.scalars(found.order_by(DagRun.run_after.desc(), DagRun.id.desc()).limit(MOST_NAMES)))
