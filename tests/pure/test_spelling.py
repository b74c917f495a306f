"""The keys that a command names."""

from __future__ import annotations

import pytest
from hypothesis import given

from airflow_dynamic_provider.database.spelling import find_all_spelled, find_spelled, spell
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.errors import AmbiguousNameError
from tests.pure.strategies import key_paths

pytestmark = pytest.mark.pure

PATHS = [("a", "b"), ("a", "c/d"), ("a/c", "d"), ('["a"]', "b")]


@given(key_paths)
def test_both_spellings_name_the_key(path):
    assert find_spelled(spell(path), [path, ("another",)]) == path
    assert find_spelled(render_key(path), [("another", "one"), path]) == path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a/b", ("a", "b")),
        ('["a", "b"]', ("a", "b")),
        ('["a","b"]', ("a", "b")),
        ('["a"]/b', ('["a"]', "b")),
        ('["a", "c/d"]', ("a", "c/d")),
        ("a", None),
        ("", None),
        ("[", None),
        ("[1]", None),
        ('{"a": 1}', None),
        ('"a"', None),
    ],
)
def test_a_text_names_one_key_or_none(text, path):
    assert find_spelled(text, PATHS) == path


def test_where_keys_hold_slashes_a_text_may_name_several():
    with pytest.raises(AmbiguousNameError) as caught:
        find_spelled("a/c/d", PATHS)
    assert str(caught.value) == (
        'several keys are written \'a/c/d\': ["a", "c/d"], ["a/c", "d"]. '
        "Write the key as one of these JSON lists."
    )


def test_of_a_list_the_texts_that_name_no_key_or_several_are_missing():
    texts = ["a/c/d", '["a", "c/d"]', "nowhere", '["a", "c/d"]', "nowhere"]
    assert find_all_spelled(texts, PATHS) == ([("a", "c/d")], ["a/c/d", "nowhere"])
