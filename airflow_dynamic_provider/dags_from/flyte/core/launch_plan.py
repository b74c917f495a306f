"""The names of ``flytekit.core.launch_plan``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.launch_plans import LaunchPlan

__all__ = ["LaunchPlan"]
