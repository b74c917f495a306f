"""The names of ``flytekit.core.context_manager``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.contexts import ExecutionParameters, current_context

__all__ = ["ExecutionParameters", "current_context"]
