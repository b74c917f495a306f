"""The names of ``flytekit.core.base_task``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.resources import TaskMetadata

__all__ = ["TaskMetadata"]
