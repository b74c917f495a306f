"""The names of ``flytekit.types.schema``. They are refused where they are used."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.unsupported import Unsupported

FlyteSchema = Unsupported("FlyteSchema")

__all__ = ["FlyteSchema"]
