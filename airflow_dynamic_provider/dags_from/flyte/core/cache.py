"""The names of ``flytekit.core.cache``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.caches import Cache

__all__ = ["Cache"]
