"""The names of ``flytekit.core.pod_template``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.resources import PodTemplate

__all__ = ["PodTemplate"]
