"""The names of ``flytekit.types.directory.types``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.files import FlyteDirectory

__all__ = ["FlyteDirectory"]
