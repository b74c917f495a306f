"""The names of ``flytekit.core.environment``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.environments import Environment

__all__ = ["Environment"]
