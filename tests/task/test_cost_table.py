"""The cost of each kind of task grows as `cost_table` declares, and as the page says."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from airflow_dynamic_provider.version_compat import STARTS_IN_TRIGGERER
from tests.task.cost_table import COUNTS, FLAT, OF_NODES, PAGE, TABLES, Cost, Linear, render

ROWS = [
    pytest.param(row, id=f"{title.split()[0]} {row.name}")
    for title, rows in TABLES.items()
    # Up to Airflow 3.2, one task has all nodes of a kind. The page is about 3.3.
    if rows is not OF_NODES or STARTS_IN_TRIGGERER
    for row in rows
]


@pytest.mark.parametrize("row", ROWS)
def test_the_cost_grows_as_declared(row):
    assert not row.problems, f"{row}\n" + "\n".join(row.problems)


@pytest.mark.skipif(
    not version("apache-airflow-core").startswith("3.3."), reason="other versions send other fields"
)
def test_the_page_has_the_measured_costs():
    assert PAGE.read_text(encoding="utf-8") == render(), "Run python -m tests.task.cost_table."


@pytest.mark.parametrize(
    ("growth", "costs"),
    [
        (FLAT, [(4, 1000, 4), (4, 5000, 4), (5, 5000, 4)]),
        (FLAT, [(4, 1000, 4), (4, 5000, 4), (4, 5000, 5)]),
        (FLAT, [(4, 1000, 4), (4, 5000, 4), (4, 5100, 4)]),
        (FLAT, [(4, 9000, 4), (4, 5000, 4), (4, 5000, 4)]),
        (FLAT, [(4, 500, 4), (4, 5000, 4), (4, 5000, 4)]),
        (Linear(0), [(4, 1000, 10), (4, 5000, 100), (5, 50_000, 1000)]),
        (Linear(0.01), [(4, 1000, 10), (6, 5000, 100), (6, 50_000, 1000)]),
        (Linear(1), [(4, 1000, 10), (4, 5000, 100), (4, 51_001, 1000)]),
        (Linear(1), [(4, 1000, 10), (4, 5000, 101), (4, 50_000, 1000)]),
    ],
)
def test_another_growth_than_the_declared_one_is_found(growth, costs):
    assert len(costs) == len(COUNTS)
    assert growth.problems([Cost(*cost) for cost in costs])
