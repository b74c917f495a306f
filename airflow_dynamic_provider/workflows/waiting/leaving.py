"""Ways for a task of a workflow to leave its worker: to wait, to fail for good, or to be skipped."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import NoReturn

from airflow_dynamic_provider.definitions.states import RESCHEDULE_AFTER

#: The method that resumes a task after its wait in the triggerer.
GO_ON = "go_on"

#: How many seconds a task waits at least after it leaves its worker. If a task instance starts again before
#: Airflow has noticed that its worker ended, Airflow treats it as killed (apache/airflow#71580).
LEAST_WAIT = RESCHEDULE_AFTER.total_seconds()


def reschedule(delay: timedelta) -> NoReturn:
    """Return the running task instance to the scheduler, which starts it again after a delay.

    Raises:
        AirflowRescheduleException: Always.
    """
    from airflow_dynamic_provider.version_compat import AirflowRescheduleException

    raise AirflowRescheduleException(datetime.now(timezone.utc) + delay)  # type: ignore[no-untyped-call, unused-ignore]


def failure(message: str) -> Exception:
    """Return the error that fails the running task instance without a retry."""
    from airflow_dynamic_provider.version_compat import AirflowFailException

    return AirflowFailException(message)


def skip(reason: str) -> Exception:
    """Return the error that ends the running task instance as skipped."""
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    return AirflowSkipException(reason)
