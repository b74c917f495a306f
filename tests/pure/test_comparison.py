"""Two runs are compared key by key, by name and not by position."""

from __future__ import annotations

from types import SimpleNamespace

from airflow_dynamic_provider.database.cells import RANKS
from airflow_dynamic_provider.database.comparison import Change, compare


def matrix(**keys):
    rows = [(RANKS[state], seconds) for state, seconds in keys.values()]
    totals = SimpleNamespace(rows=lambda positions: {at: rows[at] for at in positions})
    return SimpleNamespace(keys=SimpleNamespace(paths=tuple((key,) for key in keys)), totals=totals)


def test_keys_are_slower_by_a_factor_and_by_a_second():
    before = matrix(
        gone=("success", 1.0), a=("success", 2.0), b=("success", 10.0), c=("success", 0.1), d=("failed", 1.0)
    )
    now = matrix(
        d=("success", 9.0), c=("success", 0.9), b=("success", 15.0), a=("success", 2.9), new=("failed", 5.0)
    )
    found = compare(now, before)
    assert found.slower == [Change(("b",), 10.0, 15.0)]
    assert found.repaired == [Change(("d",), 1.0, 9.0)]
    assert (found.new, found.gone) == ([Change(("new",), None, 5.0)], [Change(("gone",), 1.0, None)])
    assert found.newly_failed == []
