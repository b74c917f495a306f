"""The names of ``flytekit.core.schedule``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.schedules import CronSchedule, FixedRate

__all__ = ["CronSchedule", "FixedRate"]
