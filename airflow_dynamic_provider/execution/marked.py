"""Tells a task instance that a person marked as success from one that ran to its end.

Airflow tells a task the state only. But whatever runs to its end leaves XComs, and whatever begins to run
deletes those of its earlier tries first: a success that holds none was marked.
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
    """Whether a clone has left nothing that one leaves which runs to its end. An API call for each XCom.

    So a person has marked it as success. Of a task whose outputs nobody refers to, that cannot be told.
    """
    kept = [layout.RETURN_VALUE, *map(layout.result_xcom, sorted(clone.stored_outputs))]
    return bool(clone.stored_outputs) and all(
        xcom.pull(context, clone.task_id, xcom_key, position) is None for xcom_key in kept
    )


def no_keys_of_marked(task_id: str) -> CollectError:
    """Return the error of whoever needs the keys of a task that was marked as success."""
    return CollectError(
        "was marked as success and left no keys",
        task_id=task_id,
        remedy="Clear it together with its downstream tasks, so that it lists them.",
    )
