"""The names of ``flytekit.core.task``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.tasks import task

__all__ = ["task"]
