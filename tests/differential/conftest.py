"""Random programs, each a Dag that is run in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in Path(item.path).parents:
            item.add_marker(pytest.mark.differential)
            item.fixturenames[:0] = ["airflow_database", "execution_api"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if item.get_closest_marker("differential"):
        # The log of tasks that failed as they should would bury the report.
        report.sections.clear()
    return report
