"""Stores the number of tries of a skipped clone. A task that asks for the outcomes of its keys reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY
from airflow_dynamic_provider.execution.layout import SKIP_XCOM, StoredSkip

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from airflow_dynamic_provider.execution.clones import CloneRuntime


def store_skip(context: Mapping[str, Any]) -> None:
    """Store the tries of a clone that was skipped after it had started. One API call.

    Airflow calls this in the task's process.
    """
    runtime: CloneRuntime | None = context.get(RUNTIME_KEY)
    if runtime is None or not runtime.is_started:
        return
    skip = StoredSkip(
        runtime.key_path,
        runtime.map_index,
        xcom.tries_since_clear(context),
        xcom.milliseconds_since_start(context),
    )
    xcom.push(context, SKIP_XCOM, skip.pack())
