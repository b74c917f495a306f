"""The names of ``flytekit.core.base_sql_task``. They are refused where they are used."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.unsupported import Unsupported

SQLTask = Unsupported("SQLTask")

__all__ = ["SQLTask"]
