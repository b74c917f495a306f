"""The arguments with which Airflow starts a task in the triggerer.

Airflow has a class for them, but reads only the attributes. The module of its class is that of the triggers,
which no task needs: it would take each process that reads the Dag file several milliseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record

if TYPE_CHECKING:
    from datetime import timedelta


class StartArguments(Record):
    """What Airflow has to know to start a task in the triggerer.

    Attributes:
        trigger_cls: The path of the trigger's class.
        next_method: The method of the operator that is called after the wait.
        trigger_kwargs: The arguments of the trigger.
        next_kwargs: The arguments of the method.
        timeout: The maximum time of the wait.
    """

    trigger_cls: str
    next_method: str
    trigger_kwargs: dict[str, Any] | None = None
    next_kwargs: dict[str, Any] | None = None
    timeout: timedelta | None = None
