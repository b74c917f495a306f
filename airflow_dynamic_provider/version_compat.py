"""The differences between the supported versions of Airflow. Only this module checks the version."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def _release() -> tuple[int, ...]:
    from airflow import __version__

    return tuple(int(part) for part in __version__.split(".")[:2])


try:
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowRescheduleException,
        AirflowSkipException,
        AirflowTaskTimeout,
        XComNotFound,
    )
except ImportError:
    # In Airflow 3.1, they are only in the core package.
    from airflow.exceptions import (  # type: ignore[no-redef, attr-defined, unused-ignore]
        AirflowFailException,
        AirflowRescheduleException,
        AirflowSkipException,
        AirflowTaskTimeout,
        XComNotFound,
    )

__all__ = [
    "COMMAND",
    "COUNTS_CLEARS",
    "HOOKS_OF_READING",
    "HOOKS_OF_WRITING",
    "KEEPS_EXECUTION_API",
    "NO_ARGUMENTS",
    "STARTS_IN_TRIGGERER",
    "AirflowFailException",
    "AirflowRescheduleException",
    "AirflowSkipException",
    "AirflowTaskTimeout",
    "XComNotFound",
    "cron_timetable",
    "is_allowed_class",
    "listener_manager",
    "load_xcom",
    "partitioned_at_runtime",
    "push_xcom",
]

#: Whether Airflow can start a mapped task instance in the triggerer (from 3.3 on).
STARTS_IN_TRIGGERER = _release() >= (3, 3)

#: The command line of the package. Airflow accepts commands of providers from 3.2 on.
COMMAND = "airflow dynamic-outputs" if _release() >= (3, 2) else "python -m airflow_dynamic_provider.cli"

#: Whether the ``clear_number`` of a run counts the clears while it runs (from 3.2 on).
COUNTS_CLEARS = _release() >= (3, 2)

#: Whether ``dag.test()`` uses one web application for all task instances (from 3.3 on).
KEEPS_EXECUTION_API = _release() >= (3, 3)

#: The stored form of no arguments for the method that resumes a task. Airflow 3.1 stores types beside values.
NO_ARGUMENTS: dict[str, Any] = {} if _release() >= (3, 2) else {"__type": "dict", "__var": {}}

#: The methods with which an XCom backend stores a value. From Airflow 3.4 on, it may have only the second.
HOOKS_OF_WRITING = ("serialize_value", "store_value")

#: The methods with which an XCom backend loads a value. The same applies.
HOOKS_OF_READING = ("deserialize_value", "load_value")


def push_xcom(ti: Any, xcom_key: str, value: Any, mapped_length: int | None) -> None:
    """Store an XCom of a task instance, with the number of task instances that Airflow maps over it."""
    # These methods are private. The public method has no argument for the length, and Airflow itself sends a
    # length only when the task has ended. A trigger has no public method.
    from airflow.sdk.execution_time.xcom import XCom

    if hasattr(XCom, "_push"):
        # From Airflow 3.4 on, the other method no longer has the length.
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
    """Return the value of a row of XComs, as the deployment's XCom backend loads it."""
    from airflow.sdk.execution_time.xcom import XCom

    # A private method. From Airflow 3.4 on, a backend may have load_value() instead, and _load() selects.
    return XCom._load(row) if hasattr(XCom, "_load") else XCom.deserialize_value(row)


def is_allowed_class(classname: str) -> bool:
    """Return whether ``[core] allowed_deserialization_classes`` lets stored values name a class."""
    # A private function. There is no public one.
    try:
        from airflow.sdk.serde import _match
    except ImportError:
        # In Airflow 3.1, it is in the core package.
        from airflow.serialization.serde import _match  # type: ignore[import-not-found, no-redef, attr-defined, unused-ignore]

    return bool(_match(classname))


def listener_manager() -> Any:
    """Return the manager of the listeners of task instances in this process."""
    # Imported here, because no task's process needs it.
    try:
        from airflow.sdk.listener import get_listener_manager
    except ImportError:
        # Up to Airflow 3.2, tasks and the scheduler share one listener manager.
        from airflow.listeners.listener import get_listener_manager  # type: ignore[assignment, unused-ignore]
    return get_listener_manager()


def partitioned_at_runtime() -> Any:
    """Return the schedule of a Dag whose runs have partitions that their tasks name, ``None`` before 3.3."""
    kind = getattr(import_module("airflow.sdk"), "PartitionedAtRuntime", None)
    return None if kind is None else kind()


def cron_timetable(expressions: Sequence[str], zone: str) -> Any:
    """Return the schedule of a Dag that runs at the times of one or several cron expressions."""
    try:
        from airflow.sdk import CronTriggerTimetable, MultipleCronTriggerTimetable
    except ImportError:
        # In Airflow 3.1, they are only in the core package.
        from airflow.timetables.trigger import (  # type: ignore[assignment, unused-ignore]
            CronTriggerTimetable,
            MultipleCronTriggerTimetable,
        )
    if len(expressions) == 1:
        return CronTriggerTimetable(expressions[0], timezone=zone)
    return MultipleCronTriggerTimetable(*expressions, timezone=zone)
