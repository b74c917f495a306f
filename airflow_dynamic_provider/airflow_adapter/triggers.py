"""The base classes of triggers. The triggerer uses them, and Dag files whose tasks start in it.

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
