"""The names of ``flytekit.core.hash``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.hashes import HashMethod

__all__ = ["HashMethod"]
