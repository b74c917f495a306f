"""A lazy collection behaves as the list or dict of its values, and holds one page of them."""

from __future__ import annotations

import copy
import doctest
import json
import pickle
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.execution import collected as module
from airflow_dynamic_provider.execution.collected import PAGE_SIZE, CollectedMapping, CollectedSequence
from airflow_dynamic_provider.execution.collecting import _Gathered, _values

pytestmark = pytest.mark.pure

lengths = st.sampled_from([0, 1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 3 * PAGE_SIZE + 7])
indexes = st.none() | st.integers(-1000, 1000)


def collected(length):
    """Return a collection of the numbers from 0, and the pages of it that were read."""
    pages = []

    def read(start, stop):
        pages.append((start, stop))
        return list(range(start, stop))

    return CollectedSequence(length, read), pages


@given(lengths, indexes, indexes, st.integers(-3, 3).filter(bool))
def test_it_is_indexed_and_sliced_as_a_list(length, start, stop, step):
    values, _ = collected(length)
    expected = list(range(length))
    assert values[start:stop:step] == expected[start:stop:step]
    if start is not None and -length <= start < length:
        assert values[start] == expected[start]
    elif start is not None:
        with pytest.raises(IndexError):
            values[start]


@given(lengths)
def test_it_is_read_page_by_page_in_order(length):
    values, pages = collected(length)
    assert (len(values), list(values), pages) == (
        length,
        list(range(length)),
        [(start, min(start + PAGE_SIZE, length)) for start in range(0, length, PAGE_SIZE)],
    )
    assert list(reversed(values)) == list(range(length))[::-1]


def of(numbers):
    """Return a collection of some values."""
    return CollectedSequence(len(numbers), lambda start, stop: numbers[start:stop])


numbers = st.lists(st.integers(0, 5), max_size=8)


@given(numbers, numbers, st.integers(0, 6))
def test_it_is_searched_compared_and_added_to_as_a_list(own, other, wanted):
    values = of(own)
    assert (values == other, other == values, values != other) == (own == other, own == other, own != other)
    assert values == own == values
    assert values == of(own)
    assert (values == of(other)) == (own == other)
    assert (wanted in values, values.count(wanted)) == (wanted in own, own.count(wanted))
    assert (values + other, other + values, values + of(other)) == (own + other, other + own, own + other)
    assert {type(values + other), type(other + values), type(values + of(other))} == {list}
    assert list(reversed(values)) == own[::-1]
    assert bool(values) == bool(own)
    if wanted in own:
        assert values.index(wanted) == own.index(wanted)
    else:
        with pytest.raises(ValueError):  # noqa: PT011  # a list's own says the value alone
            values.index(wanted)


def test_it_is_no_tuple_and_no_text_as_a_list_is_none():
    values, _ = collected(3)
    assert values != (0, 1, 2)
    assert not (0, 1, 2) == values  # noqa: SIM300, SIM201  # asks the other one
    assert values != b"\x00\x01\x02"
    assert of(["a"]) != "a"
    for other in ((3,), "text", None):
        with pytest.raises(TypeError):
            values + other
        with pytest.raises(TypeError):
            other + values
    with pytest.raises(TypeError, match="unhashable"):
        hash(values)


def test_what_is_not_equal_to_itself_equals_itself_as_in_a_list():
    nan = float("nan")
    assert of([nan]) == [nan]


def test_it_is_a_sequence_that_says_what_it_is():
    values, pages = collected(300)
    assert isinstance(values, Sequence)
    assert repr(values) == "<300 collected values, read page by page>"
    assert pages == []


def test_a_copy_for_another_thread_reads_pages_of_its_own():
    values, pages = collected(3 * PAGE_SIZE)
    copied = copy.deepcopy(values)
    by_key = copy.deepcopy(CollectedMapping({"a": 0}, values))
    assert pages == []
    assert (values[-1], copied[0], by_key["a"], values[-2]) == (3 * PAGE_SIZE - 1, 0, 0, 3 * PAGE_SIZE - 2)
    assert len(pages) == 3


def test_all_values_go_to_another_process():
    values, _ = collected(PAGE_SIZE + 7)
    sent = pickle.loads(pickle.dumps(values))
    assert isinstance(sent, CollectedSequence)
    assert sent == values
    by_key = pickle.loads(pickle.dumps(CollectedMapping({"a": 0, "b": PAGE_SIZE}, values)))
    assert dict(by_key) == {"a": 0, "b": PAGE_SIZE}


def test_the_keys_of_a_batch_read_one_after_the_other():
    """A column keeps what it has read last, so two threads must not read from it at the same time."""
    reading = threading.Lock()

    class Column:
        def values(self, indexes):
            assert reading.acquire(blocking=False)
            time.sleep(0.001)
            reading.release()
            return list(indexes)

    found = SimpleNamespace(successes=list(range(3 * PAGE_SIZE)))
    reader = SimpleNamespace(context={})
    spec = SimpleNamespace(path=(), lazy=True, source=SimpleNamespace(value_of=lambda value: value))
    values = _values(spec, _Gathered(reader, Column(), found))
    with ThreadPoolExecutor(4) as pool:
        copies = pool.map(lambda _: list(copy.deepcopy(values)), range(8))
        assert list(copies) == [found.successes] * 8


def test_json_takes_the_list_and_not_the_sequence():
    values, _ = collected(3)
    by_key = CollectedMapping({"a": 0}, values)
    for refused in (values, by_key):
        with pytest.raises(TypeError, match="is not JSON serializable"):
            json.dumps(refused)
    assert (json.dumps(list(values)), json.dumps(dict(by_key))) == ("[0, 1, 2]", '{"a": 0}')


def test_a_mapping_reads_by_key():
    values, pages = collected(600)
    plain = {f"k{number}": number for number in range(600)}
    by_key = CollectedMapping({f"k{number}": number for number in range(600)}, values)
    assert isinstance(by_key, Mapping)
    assert dict(by_key) == plain
    assert len(pages) == 3
    assert (by_key["k599"], by_key.get("other"), len(by_key), "k0" in by_key) == (599, None, 600, True)
    with pytest.raises(KeyError, match="other"):
        by_key["other"]
    assert repr(by_key) == "<600 collected values by key, read page by page>"


@given(
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=6),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=3),
)
def test_a_mapping_is_read_compared_and_merged_as_a_dict(own, other):
    by_key = CollectedMapping({key: at for at, key in enumerate(own)}, of(list(own.values())))
    assert (by_key == other, other == by_key, by_key == own, own == by_key) == (
        own == other,
        own == other,
        True,
        True,
    )
    for read in (
        list,
        lambda mapping: list(mapping.items()),
        lambda mapping: list(mapping.values()),
        len,
        bool,
    ):
        assert read(by_key) == read(own)
    assert list(reversed(by_key)) == list(reversed(own))
    assert (by_key | other, other | by_key) == (own | other, other | own)
    assert list(by_key | other) == list(own | other)
    assert {type(by_key | other), type(other | by_key)} == {dict}
    with pytest.raises(TypeError):
        by_key | [1]


def test_the_examples_give_what_they_say():
    assert doctest.testmod(module) == (0, 8)
