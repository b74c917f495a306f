"""The names of ``flytekit.core.interface``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.instances import Interface

__all__ = ["Interface"]
