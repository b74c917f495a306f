"""The names of ``flytekit.core.python_function_task``."""

from __future__ import annotations

from airflow_dynamic_provider.dags_from.flyte.instances import PythonInstanceTask

__all__ = ["PythonInstanceTask"]
