"""The names of ``flytekit.types.structured``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.unsupported import Unsupported

StructuredDataset = Unsupported("StructuredDataset")

__all__ = ["StructuredDataset"]
