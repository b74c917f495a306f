"""The names of ``flytekit.core.array_node_map_task``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.maps import map_task

__all__ = ["map_task"]
