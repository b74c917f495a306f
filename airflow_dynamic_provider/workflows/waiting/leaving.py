"""How a task of a workflow leaves its worker: to wait, or as failed or skipped for good."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import NoReturn

from airflow_dynamic_provider.execution.clones import RESCHEDULE_AFTER

#: The method with which a task goes on when the triggerer has waited for it.
GO_ON = "go_on"

#: How many seconds a task stays away that leaves its worker. Airflow takes a task instance for killed that is
#: back before its worker's own end was noticed (apache/airflow#71580).
LEAST_WAIT = RESCHEDULE_AFTER.total_seconds()


def reschedule(delay: timedelta) -> NoReturn:
    """Give the running task instance back to the scheduler, which starts it again after some time.

    Raises:
        AirflowRescheduleException: Always.
    """
    from airflow_dynamic_provider.version_compat import AirflowRescheduleException

    raise AirflowRescheduleException(datetime.now(timezone.utc) + delay)  # type: ignore[no-untyped-call, unused-ignore]


def failure(message: str) -> Exception:
    """Return the error that fails the running task instance without a retry, which would meet the same."""
    from airflow_dynamic_provider.version_compat import AirflowFailException

    return AirflowFailException(message)


def skip(reason: str) -> Exception:
    """Return the error that ends the running task instance as skipped."""
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    return AirflowSkipException(reason)
