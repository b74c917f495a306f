"""The names of ``flytekit.core.container_task``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.containers import ContainerTask

__all__ = ["ContainerTask"]
