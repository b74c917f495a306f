"""The only place that asks which Airflow this is: names that moved between the supported versions."""

from __future__ import annotations

from typing import Any


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
    "KEEPS_EXECUTION_API",
    "STARTS_IN_TRIGGERER",
    "AirflowFailException",
    "AirflowRescheduleException",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "XComNotFound",
    "listener_manager",
]

#: Whether Airflow can start a mapped task instance in the triggerer (from 3.3 on).
STARTS_IN_TRIGGERER = _release() >= (3, 3)

#: How the package's commands are called: Airflow takes commands from providers from 3.2 on.
COMMAND = "airflow dynamic-outputs" if _release() >= (3, 2) else "python -m airflow_dynamic_provider.cli"

#: Whether ``dag.test()`` keeps one web application for all task instances (from 3.3 on).
KEEPS_EXECUTION_API = _release() >= (3, 3)


def listener_manager() -> Any:
    """Return what calls the listeners of task instances in this process."""
    # Imported here, because no task's process needs it.
    try:
        from airflow.sdk.listener import get_listener_manager
    except ImportError:
        # Up to Airflow 3.2, tasks and scheduler have one in common.
        from airflow.listeners.listener import get_listener_manager  # type: ignore[assignment, unused-ignore]
    return get_listener_manager()
