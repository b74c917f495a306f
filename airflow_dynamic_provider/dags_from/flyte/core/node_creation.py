"""The names of ``flytekit.core.node_creation``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.nodes import create_node

__all__ = ["create_node"]
