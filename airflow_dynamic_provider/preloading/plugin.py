"""The plugin by which Airflow calls `preload` where a process starts that forks tasks or Dag files.

Airflow loads plugins in every process, task processes too, so nothing else is loaded here.
"""

from __future__ import annotations

import sys
from typing import Any

from airflow_dynamic_provider.airflow_adapter.plugins import AirflowPlugin


def forks_tasks() -> bool:
    """Whether this process was started as a scheduler that runs tasks itself, or as a Dag processor."""
    command = sys.argv[1:2]
    if command != ["scheduler"]:
        return command == ["dag-processor"]
    from airflow_dynamic_provider.airflow_adapter.configuration import conf

    return "LocalExecutor" in conf.get("core", "executor", fallback="")


def listeners() -> list[Any]:
    """Return what Airflow calls at the start of a component: nothing where no task is forked."""
    if not forks_tasks():
        return []
    from airflow_dynamic_provider.airflow_adapter.parents import AtStart
    from airflow_dynamic_provider.preloading import preload

    return [AtStart(preload)]


class PreloadPlugin(AirflowPlugin):  # type: ignore[misc, unused-ignore]
    """Has Airflow call `preload` where a process starts that forks tasks or Dag files."""

    name = "dynamic_outputs_preload"
    listeners = listeners()
