"""Random programs, each a Dag that is run in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.marking import mark


def pytest_collection_modifyitems(items):
    mark(items, Path(__file__).parent, "differential", "airflow_database", "execution_api")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if item.get_closest_marker("differential"):
        # The log of tasks that failed as they should would bury the report.
        report.sections.clear()
    return report
