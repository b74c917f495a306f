"""The names of ``flytekit.core.dynamic_workflow_task``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.workflows import dynamic

__all__ = ["dynamic"]
