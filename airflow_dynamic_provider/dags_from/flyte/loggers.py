"""The names of ``flytekit.loggers``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.contexts import logger

__all__ = ["logger"]
