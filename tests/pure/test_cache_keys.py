"""The keys of kept results: the same for the same inputs in each process, and for no others."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider import Cache, FileContent
from airflow_dynamic_provider.cache.encoding import UnhashableError, digest, encode
from airflow_dynamic_provider.cache.identity import Computation, read_cache
from airflow_dynamic_provider.errors import DeclarationError, UncacheableInputError
from tests.pure.processes import run_python

pytestmark = pytest.mark.pure

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=6)
    | st.binary(max_size=6)
    | st.dates()
    | st.datetimes()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        | st.frozensets(st.integers() | st.text(max_size=2), max_size=3)
    ),
    max_leaves=8,
)


def turned(value: Any) -> Any:
    """Return the same value with all dicts in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(value)}
    if isinstance(value, (list, tuple)):
        return type(value)(map(turned, value))
    return value


def told_apart(value: Any) -> Any:
    """Return what is equal only for the same value of the same kinds: 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return ("dict", frozenset((told_apart(key), told_apart(each)) for key, each in value.items()))
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, tuple(map(told_apart, value)))
    if isinstance(value, frozenset):
        return ("set", frozenset(map(told_apart, value)))
    return (type(value).__name__, repr(value))


@given(values)
def test_the_order_of_dicts_does_not_count(value):
    assert encode(turned(value)) == encode(value)


@given(values, values)
def test_two_values_have_the_same_bytes_only_if_they_are_the_same(one, other):
    assert (encode(one) == encode(other)) == (told_apart(one) == told_apart(other))


class Colour(Enum):
    RED = 1


class Point(NamedTuple):
    x: int
    y: Any


@dataclass
class Config:
    name: str
    parts: dict[str, int]


EVERYTHING = {
    "numbers": [True, 1, -(10**30), 1.5, -0.0, float("inf"), Decimal("1.50")],
    "texts": ("a", b"a", "\ud800", Path("/a/b")),
    "times": [
        date(2026, 1, 2),
        datetime(2026, 1, 2, 3),
        datetime(2026, 1, 2, 3, tzinfo=timezone.utc),
        timedelta(days=1, microseconds=5),
    ],
    "sets": {frozenset({"x", "y", "z", 1, 2, 3})},
    3: [None, UUID(int=5), Colour.RED, Point(1, [2]), Config("c", {"b": 1, "a": 2})],
}
EXPECTED = "1c2d0234bfce3fb4276b0bc3cc2c29f88d8cd9b5b63c88aad9cbee04375f71d8"


def test_the_digest_is_the_one_that_it_always_was():
    # Another digest, or one of another version of Python, would lose all results.
    assert digest(EVERYTHING) == EXPECTED


@pytest.mark.parametrize("seed", ["0", "1"])
def test_other_processes_with_other_hash_seeds_find_the_same_digest(seed, monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", seed)
    program = "import json; from tests.pure.test_cache_keys import *; print(json.dumps(digest(EVERYTHING)))"
    assert run_python(program) == EXPECTED


@pytest.mark.parametrize(
    "value",
    [object(), object, lambda: 1, iter([1]), [{"a": open}], open],
    ids=lambda value: type(value).__name__,
)
def test_what_nothing_identifies_is_refused(value):
    with pytest.raises(UnhashableError, match="it contains"):
        encode(value)


def test_a_value_that_contains_itself_is_refused():
    value: list[Any] = []
    value.append(value)
    with pytest.raises(UnhashableError, match="it is nested too deeply, or contains itself"):
        encode(value)


def test_an_object_may_say_what_counts():
    class Frame:
        def __cache_key__(self):
            return ["rows", 3]

    class Other(Frame):
        def __cache_key__(self):
            return ["rows", 4]

    assert encode(Frame()) == encode(Frame()) != encode(Other())


def work(path, limit=3, *, note=""):
    return path, limit, note


def key(function, *args, cache=Cache("1"), dag_id="d", task_id="t", **kwargs):  # noqa: B008 (frozen)
    return Computation(cache, function, dag_id, task_id).identify(args, kwargs).key


def test_inputs_count_by_parameter_and_with_their_defaults():
    assert key(work, "a") == key(work, path="a") == key(work, "a", 3, note="") == key(work, "a", limit=3)
    of_others = {
        key(work, "b"),
        key(work, "a", 4),
        key(work, "a", note="x"),
        key(work, "a", cache=Cache("2")),
        key(work, "a", cache=Cache("1", salt="test")),
        key(work, "a", dag_id="e"),
        key(work, "a", task_id="u"),
    }
    assert len(of_others | {key(work, "a")}) == 8
    ignoring = Cache("1", ignored=("note",))
    assert key(work, "a", note="x", cache=ignoring) == key(work, "a", cache=ignoring)


def test_auto_takes_the_source_of_the_function():
    def make(text):
        namespace: dict[str, Any] = {}
        exec(text, namespace)
        return namespace["f"]

    assert key(work, "a", cache=Cache.of("auto")) != key(
        test_auto_takes_the_source_of_the_function, cache=Cache.of("auto")
    )
    with pytest.raises(DeclarationError, match="takes the source of the function as version, but has none"):
        key(make("def f(): pass"), cache=Cache.of("auto"))


def test_an_input_without_identity_is_refused_by_name():
    with pytest.raises(UncacheableInputError) as caught:
        key(work, "a", object())
    assert str(caught.value).startswith(
        "Task 't': its argument 'limit' cannot be part of the key of a cached result: it contains an object "
        "of type builtins.object; it is <object object at"
    )
    assert caught.value.remedy == (
        "If it does not change the result, leave it out: Cache(..., ignored=('limit',)). Otherwise pass "
        "plain data."
    )


def by_marker(path: FileContent):
    return path


def by_annotated(paths: Annotated[list[str], FileContent]):
    return paths


def test_files_count_by_their_content_only_where_it_is_said(tmp_path):
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("same")
    other.write_text("same")
    assert key(work, str(one)) != key(work, str(other))
    assert key(work, FileContent(one)) == key(work, FileContent(other))
    assert key(by_marker, str(one)) == key(by_marker, other) == key(by_marker, FileContent(one))
    assert key(by_annotated, [str(one)]) == key(by_annotated, [str(other)])
    before = key(by_marker, str(one))
    one.write_text("changed")
    assert key(by_marker, str(one)) != before
    assert os.fspath(FileContent(one)) == str(one)
    with pytest.raises(UncacheableInputError, match="the content of '/not/there' cannot be read"):
        key(by_marker, "/not/there")


def test_directories_count_by_the_names_and_contents_of_their_files(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name / "below").mkdir(parents=True)
        (tmp_path / name / "below" / "file").write_text("same")
    one, other = FileContent(tmp_path / "one"), FileContent(tmp_path / "other")
    assert encode(one) == encode(other)
    (tmp_path / "other" / "below" / "file").rename(tmp_path / "other" / "file")
    assert encode(one) != encode(other)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cache(1), "received version=1"),
        (lambda: Cache(""), "received version=''"),
        (lambda: Cache("1", ignored="note"), "received ignored='note'"),
        (lambda: Cache("1", serialize=1), "received serialize=1"),
        (lambda: Cache("1", expires=3), "received expires=3"),
        (lambda: Cache("1", expires=timedelta(0)), "received expires="),
        (lambda: Cache("1", salt=None), "received salt=None"),
        (lambda: Cache.of(True), "received cache=True of type bool"),
        (lambda: FileContent(3), "received 3 of type int, which is not a path"),
        (lambda: read_cache(Cache("1", ignored=("nope",)), work, "t"), "its cache ignores 'nope'"),
    ],
)
def test_wrong_settings_are_refused(make, message):
    with pytest.raises(DeclarationError) as caught:
        make()
    assert message in str(caught.value)
    assert caught.value.remedy
