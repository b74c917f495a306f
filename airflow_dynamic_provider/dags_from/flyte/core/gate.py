"""The names of ``flytekit.core.gate``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.gates import approve, sleep, wait_for_input

__all__ = ["approve", "sleep", "wait_for_input"]
