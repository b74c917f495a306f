"""The only place that asks which Airflow this is: names that moved between the supported versions."""

from __future__ import annotations

try:
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowRescheduleException,
        AirflowSkipException,
        XComNotFound,
    )
except ImportError:
    # Airflow 3.1 has them in its core package only.
    from airflow.exceptions import (  # type: ignore[no-redef, attr-defined, unused-ignore]
        AirflowFailException,
        AirflowRescheduleException,
        AirflowSkipException,
        XComNotFound,
    )

__all__ = ["AirflowFailException", "AirflowRescheduleException", "AirflowSkipException", "XComNotFound"]
