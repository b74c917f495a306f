"""Pages of bounded size. Every entry is found where it was put, and no part exceeds its limit."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.execution.pages import part_of, position_of
from airflow_dynamic_provider.execution.paging import PageWriter, Part

pytestmark = pytest.mark.pure

PER_PAGE, PART_BYTES = 4, 10

sizes = st.lists(st.integers(1, 25), max_size=30)


def written(sizes):
    """Return the parts of a list whose entries are their positions."""
    parts: list[Part] = []
    writer = PageWriter(PER_PAGE, parts.append, PART_BYTES)
    for position, size in enumerate(sizes):
        writer.add(position, size)
    writer.close()
    return parts


@given(sizes)
def test_each_entry_is_found_in_at_most_two_reads(sizes):
    stored = {(part.page, part.part): part for part in written(sizes)}
    for position in range(len(sizes)):
        page, offset = position_of(position, PER_PAGE)
        part, inside = part_of(stored[page, 0].starts, offset)
        assert stored[page, part].entries[inside] == position


@given(sizes)
def test_no_part_is_larger_than_it_may_be_unless_it_is_one_entry(sizes):
    for part in written(sizes):
        assert len(part.entries) == 1 or sum(sizes[entry] for entry in part.entries) <= PART_BYTES


@given(sizes)
def test_no_part_is_smaller_than_it_need_be(sizes):
    by_page: dict[int, list[list[int]]] = {}
    for part in sorted(written(sizes)):
        by_page.setdefault(part.page, []).append(part.entries)
    for parts in by_page.values():
        for some, others in itertools.pairwise(parts):
            assert sum(sizes[entry] for entry in some) + sizes[others[0]] > PART_BYTES


@given(sizes)
def test_each_part_is_stored_once_and_the_first_of_a_page_last(sizes):
    parts = written(sizes)
    addresses = [(part.page, part.part) for part in parts]
    assert len(set(addresses)) == len(addresses)
    assert [part.page for part in parts] == sorted(part.page for part in parts)
    for page in {part.page for part in parts}:
        assert [part.part for part in parts if part.page == page][-1] == 0


def test_a_list_without_entries_has_a_page():
    assert written([]) == [Part(0, 0, [], [])]


def test_a_list_that_fills_its_last_page_has_no_page_more():
    assert [part.page for part in written([1] * PER_PAGE)] == [0]


def test_parts_are_handed_on_as_they_fill():
    parts: list[Part] = []
    writer = PageWriter(100, parts.append, PART_BYTES)
    held = []
    for position in range(50):
        writer.add(position, PART_BYTES)
        held.append(position + 1 - sum(len(part.entries) for part in parts))
    # The first part of the page, and the part that is being filled.
    assert max(held) == 2
