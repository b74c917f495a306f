"""The base classes of triggers. The triggerer uses them.

`airflow.sdk` does not export them, but Airflow documents them for authors of triggers.
"""

from __future__ import annotations

from airflow.triggers.base import (
    BaseTrigger,
    TaskSkippedEvent,
    TaskSuccessEvent,
    TriggerEvent,
)

__all__ = ["BaseTrigger", "TaskSkippedEvent", "TaskSuccessEvent", "TriggerEvent"]
