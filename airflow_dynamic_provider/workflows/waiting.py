"""How a task of a workflow leaves its worker to wait."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import NoReturn

from airflow_dynamic_provider.execution.clones import RESCHEDULE_AFTER

#: The method with which a task goes on when the triggerer has waited for it.
GO_ON = "go_on"


def resume_time() -> float:
    """Return when a task that leaves its worker now may be back, in seconds since the epoch.

    Airflow takes a task instance for killed that is back before its worker's own end was noticed
    (apache/airflow#71580).
    """
    return time.time() + RESCHEDULE_AFTER.total_seconds()


def reschedule(delay: timedelta) -> NoReturn:
    """Give the running task instance back to the scheduler, which starts it again after some time.

    Raises:
        AirflowRescheduleException: Always.
    """
    from airflow_dynamic_provider.version_compat import AirflowRescheduleException

    raise AirflowRescheduleException(datetime.now(timezone.utc) + delay)  # type: ignore[no-untyped-call, unused-ignore]
