"""The names of ``flytekit.core.condition``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.conditions import conditional

__all__ = ["conditional"]
