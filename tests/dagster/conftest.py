"""Programs written for Dagster, run as Dags."""

from __future__ import annotations

from pathlib import Path

from tests.marking import mark


def pytest_collection_modifyitems(items):
    mark(items, Path(__file__).parent, "dag", "airflow_database", "execution_api")
