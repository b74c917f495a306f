"""What triggers are made of. In the triggerer, and in the Dag file for tasks that start in it.

`airflow.sdk` does not export triggers; this module is documented for those who write them.
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
