"""The assumptions of the package about Airflow, one test for each."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.marking import mark


def pytest_collection_modifyitems(config, items):
    mark(items, Path(__file__).parent, "contract")
    older = [item for item in items if (found := _assumption(item)) and not found.is_made_here]
    for item in older:
        items.remove(item)
    config.hook.pytest_deselected(items=older)
    for item in items:
        if assumption := _assumption(item):
            # For the table of ``make canary``.
            item.user_properties += [
                ("assumption", assumption.words),
                ("rests", assumption.rests),
                ("where", ", ".join(assumption.where)),
            ]


def _assumption(item):
    return getattr(getattr(item, "function", None), "assumption", None)


@pytest.fixture
def database(airflow_database, execution_api):
    """A migrated metadata database, and Airflow's execution API in this process."""
