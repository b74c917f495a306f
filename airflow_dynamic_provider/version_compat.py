"""The only place that asks which Airflow this is: names that moved between the supported versions."""

from __future__ import annotations


def _release() -> tuple[int, ...]:
    from importlib.metadata import version

    return tuple(int(part) for part in version("apache-airflow-core").split(".")[:2])


try:
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowRescheduleException,
        AirflowSkipException,
        AirflowTaskTimeout,
        XComNotFound,
    )
except ImportError:
    # Airflow 3.1 has them in its core package only.
    from airflow.exceptions import (  # type: ignore[no-redef, attr-defined, unused-ignore]
        AirflowFailException,
        AirflowRescheduleException,
        AirflowSkipException,
        AirflowTaskTimeout,
        XComNotFound,
    )

__all__ = [
    "COMMAND",
    "STARTS_IN_TRIGGERER",
    "AirflowFailException",
    "AirflowRescheduleException",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "XComNotFound",
]

#: Whether Airflow can start a mapped task instance in the triggerer (from 3.3 on).
STARTS_IN_TRIGGERER = _release() >= (3, 3)

#: How the package's commands are called: Airflow takes commands from providers from 3.2 on.
COMMAND = "airflow dynamic-outputs" if _release() >= (3, 2) else "python -m airflow_dynamic_provider.cli"
