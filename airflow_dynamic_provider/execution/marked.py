"""Distinguishes a task instance that was marked as success by a person from one that ran to its end.

Airflow tells a task only the state of another task instance. But a task instance that runs to its end stores
XComs, and its start deletes those of earlier tries. So a successful task instance without XComs was marked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.errors import CollectError
from airflow_dynamic_provider.execution import layout

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from airflow_dynamic_provider.execution.clones import CloneSpec


def holds_nothing(context: MutableMapping[str, Any], clone: CloneSpec, position: int) -> bool:
    """Return whether a clone stored none of the XComs that it stores when it runs to its end.

    If it is a success, a person marked it. The function returns ``False`` if nothing refers to the outputs of
    the task, because it then stores no XCom that must exist. One API call for each XCom.
    """
    kept = [layout.RETURN_VALUE, *map(layout.result_xcom, sorted(clone.stored_outputs))]
    return bool(clone.stored_outputs) and all(
        xcom.pull(context, clone.task_id, xcom_key, position) is None for xcom_key in kept
    )


def no_keys_of_marked(task_id: str) -> CollectError:
    """Return the error for a task that was marked as success and whose keys are needed."""
    return CollectError(
        "was marked as success and left no keys",
        task_id=task_id,
        remedy="Clear it together with its downstream tasks, so that it lists them.",
    )
