"""Dagster's metadata values, as the package's own."""

from __future__ import annotations

from airflow_dynamic_provider.definitions.metadata import MetadataValue

__all__ = ["MetadataValue"]
