"""The only place that asks which Airflow this is: what moved, or changed, between the supported versions."""

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
    "HOOKS_OF_READING",
    "HOOKS_OF_WRITING",
    "KEEPS_EXECUTION_API",
    "STARTS_IN_TRIGGERER",
    "AirflowFailException",
    "AirflowRescheduleException",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "XComNotFound",
    "is_allowed_class",
    "listener_manager",
    "load_xcom",
    "push_xcom",
]

#: Whether Airflow can start a mapped task instance in the triggerer (from 3.3 on).
STARTS_IN_TRIGGERER = _release() >= (3, 3)

#: How the package's commands are called: Airflow takes commands from providers from 3.2 on.
COMMAND = "airflow dynamic-outputs" if _release() >= (3, 2) else "python -m airflow_dynamic_provider.cli"

#: Whether ``dag.test()`` keeps one web application for all task instances (from 3.3 on).
KEEPS_EXECUTION_API = _release() >= (3, 3)

#: The methods by which an XCom backend stores a value. From Airflow 3.4 on it may have the second instead.
HOOKS_OF_WRITING = ("serialize_value", "store_value")

#: The methods by which it loads one, likewise.
HOOKS_OF_READING = ("deserialize_value", "load_value")


def push_xcom(ti: Any, xcom_key: str, value: Any, mapped_length: int | None) -> None:
    """Store an XCom of a task instance, with how many clones Airflow makes of what is mapped over it."""
    # Private: the public method gives no length, and Airflow itself gives one only when the task has ended.
    # A trigger has no public method at all.
    from airflow.sdk.execution_time.xcom import XCom

    if hasattr(XCom, "_push"):
        # From Airflow 3.4 on: the other method has lost the length.
        XCom._push(ti, xcom_key, value, mapped_length=mapped_length)
        return
    XCom.set(
        key=xcom_key,
        value=value,
        dag_id=ti.dag_id,
        task_id=ti.task_id,
        run_id=ti.run_id,
        map_index=-1 if ti.map_index is None else ti.map_index,
        _mapped_length=mapped_length,
    )


def load_xcom(row: Any) -> Any:
    """Return the value of a row of XComs, as the deployment's own XCom backend has it."""
    from airflow.sdk.execution_time.xcom import XCom

    # Private: from Airflow 3.4 on a backend may have load_value() instead, and this finds out which it has.
    return XCom._load(row) if hasattr(XCom, "_load") else XCom.deserialize_value(row)


def is_allowed_class(classname: str) -> bool:
    """Whether the deployment lets stored values name a class: ``[core] allowed_deserialization_classes``."""
    # Private: there is no public way to ask.
    try:
        from airflow.sdk.serde import _match
    except ImportError:
        # Airflow 3.1 has it in its core package.
        from airflow.serialization.serde import _match  # type: ignore[import-not-found, no-redef, attr-defined, unused-ignore]

    return bool(_match(classname))


def listener_manager() -> Any:
    """Return what calls the listeners of task instances in this process."""
    # Imported here, because no task's process needs it.
    try:
        from airflow.sdk.listener import get_listener_manager
    except ImportError:
        # Up to Airflow 3.2, tasks and scheduler have one in common.
        from airflow.listeners.listener import get_listener_manager  # type: ignore[assignment, unused-ignore]
    return get_listener_manager()
