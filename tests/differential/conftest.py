"""Random programs, each a Dag that runs in one process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import FRESH
from tests.marking import mark


def pytest_collection_modifyitems(items):
    mark(items, Path(__file__).parent, "differential", "airflow_database", "execution_api")


def pytest_generate_tests(metafunc):
    """Give a test marked with `seeds` the same fixed seeds each time, and fresh ones (`fresh=`: how many)."""
    if (marker := metafunc.definition.get_closest_marker("seeds")) is not None:
        first = metafunc.config.option.seed
        seeds = {seed: f"seed-{seed}" for seed in marker.args[0]}
        fresh = {
            seed: f"fresh-seed-{seed}" for seed in range(first, first + marker.kwargs.get("fresh", FRESH))
        }
        metafunc.parametrize("seed", [*seeds, *fresh], ids=[*seeds.values(), *fresh.values()])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if item.get_closest_marker("differential"):
        # The log of tasks that fail on purpose would hide the report.
        report.sections.clear()
    return report
