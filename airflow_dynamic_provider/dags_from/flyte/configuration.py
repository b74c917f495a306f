"""The names of ``flytekit.configuration``. They are refused where they are used."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.unsupported import Unsupported

Config = Unsupported("Config")

__all__ = ["Config"]
