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
