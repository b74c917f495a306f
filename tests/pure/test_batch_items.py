"""The dynamic outputs of batches without Airflow: the lists they are collected in, and their pages."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.execution.batch_records.items import StoredBatchItems, with_values
from airflow_dynamic_provider.execution.batch_records.stored import BatchItem, KeyRecord, StoredChunk
from airflow_dynamic_provider.execution.batches.growing import GrowingLists
from tests.pure.strategies import key_paths, xcom_values

pytestmark = pytest.mark.pure


#: Entries of these sizes come, and what is not stored yet is stored, or cannot be stored.
STEPS = st.lists(st.one_of(st.integers(0, 12), st.sampled_from(["store", "fail to store"])))


@given(STEPS, st.integers(1, 20))
def test_whatever_is_added_is_stored_in_lists_that_are_not_too_large(steps, limit):
    lists = GrowingLists(limit)
    stored, numbers, sizes = {}, [], []
    for step in [*steps, "store"]:
        if isinstance(step, int):
            numbers.append(lists.add(len(sizes), step))
            sizes.append(step)
            assert lists.is_changed
            continue
        unstored = lists.unstored()
        if step == "store":
            stored.update(unstored)
            lists.note_stored(unstored)
            assert not lists.is_changed
            assert not lists.has_full
    assert [entry for number in sorted(stored) for entry in stored[number]] == list(range(len(sizes)))
    assert all(entry in stored[number] for entry, number in enumerate(numbers))
    assert all(len(each) <= 1 or sum(sizes[entry] for entry in each) <= limit for each in stored.values())


def test_only_the_last_list_is_kept_once_it_is_stored():
    lists = GrowingLists(1)
    for letter in "abc":
        lists.add(letter, 1)
    lists.note_stored(lists.unstored())
    assert lists.unstored() == [(2, ["c"])]


@st.composite
def produced(draw):
    """Records of keys with dynamic outputs, each with the values."""
    paths = draw(st.lists(key_paths, unique=True, max_size=4))
    keys = st.lists(st.sampled_from(["x", "y", "z", "a/b"]), unique=True)
    return [
        KeyRecord(
            path,
            position,
            "success",
            started=draw(st.integers(0, 3)),
            items={
                output: tuple(BatchItem(key, value=draw(xcom_values)) for key in draw(keys))
                for output in draw(st.sampled_from([(), ("rows",), ("rows", "more")]))
            },
        )
        for position, path in enumerate(paths)
    ]


def on_pages(records, per_page):
    """Return the records without the values, and page -> what is stored of it."""
    entries, without = [], []
    for record in records:
        placed = {}
        for output, items in record.items.items():
            placed[output] = []
            for item in items:
                placed[output].append(replace(item, page=len(entries) // per_page, value=None))
                entries.append((output, record, item))
        without.append(replace(record, items={output: tuple(items) for output, items in placed.items()}))
    pages = [entries[start : start + per_page] for start in range(0, len(entries), per_page)]
    return without, {
        number: StoredBatchItems.unpack(json.loads(json.dumps(StoredBatchItems.of(page).pack())))
        for number, page in enumerate(pages)
    }


def as_tuples(record):
    return replace(record, items={output: tuple(items) for output, items in record.items.items()})


@given(produced(), st.integers(1, 5))
def test_values_are_found_on_their_pages(records, per_page):
    without, pages = on_pages(records, per_page)
    chunk = StoredChunk.unpack(json.loads(json.dumps(StoredChunk(tuple(without), 1).pack())))
    assert [as_tuples(with_values(record, pages)) for record in chunk.records] == records
    for record, found in zip(records, chunk.records, strict=True):
        for output, items in record.items.items():
            for item, placed in zip(items, found.items[output], strict=True):
                assert pages[placed.page].values[output, (*record.key_path, item.key)] == item.value


@given(produced(), st.integers(1, 5), st.data())
def test_a_record_is_not_used_with_a_page_of_another_run_of_its_key(records, per_page, data):
    without, pages = on_pages(records, per_page)
    record = data.draw(st.sampled_from(without)) if without else None
    if record is None or not any(record.items.values()):
        return
    used = sorted({item.page for items in record.items.values() for item in items})
    changed = data.draw(st.sampled_from(used))
    other = [replace(each, started=each.started + 1) for each in records]
    assert with_values(record, {**pages, changed: on_pages(other, per_page)[1][changed]}) is None
    assert with_values(record, {number: page for number, page in pages.items() if number != changed}) is None
