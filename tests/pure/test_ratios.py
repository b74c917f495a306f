"""The number of keys that may fail for a required ratio, compared with whole numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.execution.ratios import allowed_failures


@pytest.mark.parametrize("count", range(101))
def test_every_ratio_of_two_decimals(count):
    for percent in range(101):
        # With n failures, the others are enough if they are at least this percentage of all.
        enough = [n for n in range(count + 1) if (count - n) * 100 >= percent * count]
        assert allowed_failures(percent / 100, count) == max(enough), (percent, count)


@given(st.integers(1, 100_000), st.data())
def test_a_ratio_that_was_divided(count, data):
    needed = data.draw(st.integers(0, count))
    assert allowed_failures(needed / count, count) == count - needed


@pytest.mark.parametrize(
    ("ratio", "allowed"), [(0, 10), (1, 0), (1.0, 0), (0.1 + 0.2, 7), (5 / 6, 1), (1e-9, 9)]
)
def test_a_ratio_that_is_no_short_decimal(ratio, allowed):
    assert allowed_failures(ratio, 10) == allowed
