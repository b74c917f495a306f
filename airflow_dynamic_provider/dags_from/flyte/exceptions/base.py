"""The names of ``flytekit.exceptions.base``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.exceptions import FlyteException

__all__ = ["FlyteException"]
