"""The names of ``flytekit.types.file.file``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.files import FlyteFile

__all__ = ["FlyteFile"]
