"""A large collection behaves as the list or dict of its values, and holds one page of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.execution.collected import PAGE_SIZE, CollectedMapping, CollectedSequence

pytestmark = pytest.mark.pure

lengths = st.sampled_from([0, 1, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1, 3 * PAGE_SIZE + 7])
indexes = st.none() | st.integers(-1000, 1000)


def collected(length):
    """A collection of the numbers from 0, and the pages that were read of it."""
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


def test_it_equals_any_sequence_of_the_same_values():
    values, _ = collected(300)
    assert values == list(range(300)) == values
    assert values == tuple(range(300))
    assert values != list(range(299))
    assert values != "text"
    assert (3 in values, 300 in values, values.index(299), values.count(7)) == (True, False, 299, 1)
    with pytest.raises(TypeError, match="unhashable"):
        hash(values)
    assert repr(values) == "<300 collected values, read page by page>"


def test_a_mapping_reads_by_key():
    values, pages = collected(600)
    by_key = CollectedMapping({f"k{number}": number for number in range(600)}, values)
    assert dict(by_key) == {f"k{number}": number for number in range(600)}
    assert (by_key["k599"], by_key.get("other"), len(by_key), "k0" in by_key) == (599, None, 600, True)
    assert len(pages) == 3
    with pytest.raises(KeyError):
        by_key["other"]
    assert repr(by_key) == "<600 collected values by key, read page by page>"
