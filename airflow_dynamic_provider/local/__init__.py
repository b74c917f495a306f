"""Runs a whole Dag in plain Python, without a database."""

from airflow_dynamic_provider.local.results import LocalOutcome, LocalResult, LocalTask
from airflow_dynamic_provider.local.running import run_local

__all__ = ["LocalOutcome", "LocalResult", "LocalTask", "run_local"]
