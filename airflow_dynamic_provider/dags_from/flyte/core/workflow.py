"""The names of ``flytekit.core.workflow``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.resources import WorkflowFailurePolicy
from airflow_dynamic_provider.dags_from.flyte.workflows import workflow

__all__ = ["WorkflowFailurePolicy", "workflow"]
