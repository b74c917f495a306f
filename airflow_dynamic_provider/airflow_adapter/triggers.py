"""The base classes of triggers, for the triggerer, and for tasks of a Dag file that start in it.

`airflow.sdk` does not export them, but Airflow documents them for authors of triggers.
"""

from __future__ import annotations

from airflow.triggers.base import (
    BaseTrigger,
    StartTriggerArgs,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)

__all__ = ["BaseTrigger", "StartTriggerArgs", "TaskSkippedEvent", "TaskSuccessEvent", "TriggerEvent"]
