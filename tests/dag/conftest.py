"""Whole Dag runs in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.dag)
            item.fixturenames[:0] = ["airflow_database", "execution_api"]


@pytest.fixture(scope="session")
def execution_api():
    """One in-process API for all tests: up to Airflow 3.2 each task instance would wait for a new one."""
    from airflow_dynamic_provider.embedded import one_execution_api

    with one_execution_api():
        yield
