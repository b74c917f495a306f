"""The plugin that calls `preload` when a scheduler or a Dag processor starts.

Airflow loads plugins in every process, including those of tasks, so this module imports almost nothing.
"""

from __future__ import annotations

import sys
from typing import Any

from airflow_dynamic_provider.airflow_adapter.plugins import AirflowPlugin


def forks_tasks() -> bool:
    """Return whether this process is a scheduler that runs tasks itself, or a Dag processor."""
    command = sys.argv[1:2]
    if command != ["scheduler"]:
        return command == ["dag-processor"]
    from airflow_dynamic_provider.airflow_adapter.configuration import conf

    return "LocalExecutor" in conf.get("core", "executor", fallback="")


def listeners() -> list[Any]:
    """Return the listeners of this process. A process that forks no tasks has none."""
    if not forks_tasks():
        return []
    from airflow_dynamic_provider.airflow_adapter.parents import AtStart
    from airflow_dynamic_provider.preloading import preload

    return [AtStart(preload)]


class PreloadPlugin(AirflowPlugin):  # type: ignore[misc, unused-ignore]
    """Calls `preload` when a scheduler or a Dag processor starts."""

    name = "dynamic_outputs_preload"
    listeners = listeners()
