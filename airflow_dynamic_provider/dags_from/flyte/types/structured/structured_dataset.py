"""The names of ``flytekit.types.structured.structured_dataset``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.frames import StructuredDataset

__all__ = ["StructuredDataset"]
