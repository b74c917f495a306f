"""The names of ``flytekit.lazy_import.lazy_module``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.lazy_modules import lazy_module

__all__ = ["lazy_module"]
