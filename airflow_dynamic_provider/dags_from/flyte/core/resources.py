"""The names of ``flytekit.core.resources``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.resources import Resources

__all__ = ["Resources"]
