"""The names of ``flytekit.core.artifact``. They are refused where they are used."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.unsupported import Unsupported

Artifact = Unsupported("Artifact")

__all__ = ["Artifact"]
