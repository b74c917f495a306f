"""Conditions on metadata that a person types: what they mean, and what is refused."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.database.conditions import LONGEST, FilterError, read_condition
from airflow_dynamic_provider.database.key_labels import in_order_of

LABELS = {"size": 20_000_000, "share": 0.5, "kind": "csv", "is done": True, "year": "2026", "name": "O'Hara"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("size > 10_000_000", True),
        ("size > 2e7", False),
        ("share <= .5", False),
        ("share <= 0.5", True),
        ("kind = csv", True),
        ('kind != "csv"', False),
        ("kind ~ S", True),
        ("size ~ 2", False),
        ("year = 2026", True),
        ("year > 2025", True),
        ("`is done` = true", True),
        ("`is done` = 1", False),
        ("missing = 1", False),
        ("missing != 1", False),
        ("not missing = 1", True),
        ("kind > 3", True),
        ("size = csv", False),
        ("size != csv", True),
        ("name = 'O\\'Hara'", True),
        ("size > 1 and share > 1 or kind = csv", True),
        ("size > 1 AND (share > 1 OR kind = xml)", False),
    ],
)
def test_a_condition_holds_or_not(text, holds):
    assert read_condition(text).holds(LABELS) is holds


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("size >", "wrong at character 7: a number or a string is missing"),
        ("size", "wrong at character 5: a sign such as > or = is missing after 'size'"),
        ("> 3", "wrong at character 1: the label of a metadata entry is missing"),
        ("(size > 3", "wrong at character 10: a parenthesis is not closed"),
        ("size > 3 kind", "wrong at character 10: 'kind' is not expected here"),
        ("kind = 'a", 'wrong at character 8: "\'" is not expected here'),
        ("__import__('os')", "a sign such as > or = is missing after '__import__'"),
        ("not " * 21 + "a = 1", "there are more than 20 parts inside each other"),
        ("a" * (LONGEST + 1), f"at most {LONGEST} characters"),
    ],
)
def test_what_is_no_condition_is_refused_where_it_is_wrong(text, problem):
    with pytest.raises(FilterError) as refused:
        read_condition(text)
    assert problem in str(refused.value)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(FilterError):
        assert read_condition(text).holds(LABELS) in (True, False)


@given(
    st.integers(-(10**12), 10**12),
    st.integers(-(10**12), 10**12),
    st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
)
def test_numbers_compare_as_in_python(value, wanted, sign):
    expected = eval(f"value {'==' if sign == '=' else sign} wanted")
    assert read_condition(f"size {sign} {wanted}").holds({"size": value}) is expected


def test_keys_without_a_label_come_last_in_either_direction():
    labels = {0: {"n": 3}, 1: {}, 2: {"n": "a"}, 3: {"n": 1}}
    assert in_order_of(labels, "n", is_descending=False) == [3, 0, 2, 1]
    assert in_order_of(labels, "n", is_descending=True) == [2, 0, 3, 1]
