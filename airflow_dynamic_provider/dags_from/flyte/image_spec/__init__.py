"""The names of ``flytekit.image_spec``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.resources import ImageSpec

__all__ = ["ImageSpec"]
