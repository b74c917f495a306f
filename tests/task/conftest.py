"""One task in Airflow's real task runner, with a supervisor that keeps everything in dictionaries."""

from __future__ import annotations

from pathlib import Path

from tests.marking import mark


def pytest_collection_modifyitems(items):
    mark(items, Path(__file__).parent, "task")
