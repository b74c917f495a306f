"""Batches without Airflow: how keys are cut, what is stored of them, their labels, and what is refused."""

from __future__ import annotations

import copy
import functools
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider import Batch
from airflow_dynamic_provider.definitions.keys import (
    MAX_LABEL_LENGTH,
    render_batch_label,
    render_key,
    render_label,
)
from airflow_dynamic_provider.definitions.states import FINAL
from airflow_dynamic_provider.errors import DeclarationError, LayoutError
from airflow_dynamic_provider.execution.batch_records.cutting import cut
from airflow_dynamic_provider.execution.batch_records.stored import (
    POSITIONS_PER_PAGE,
    KeyFailure,
    KeyRecord,
    StoredChunk,
    pages_of_places,
    ranges_of,
)
from airflow_dynamic_provider.execution.batches.executors import workers_of
from tests.pure.refusals import refused
from tests.pure.strategies import (
    json_values,
    key_paths,
    long_paths,
    output_names,
    storable_text,
    xcom_values,
)

pytestmark = pytest.mark.pure


# The cut


def fewest(count, fits):
    """Return the fewest batches of a list of keys, found by trying every last batch."""

    @functools.cache
    def of(stop):
        return min((1 + of(start) for start in range(stop) if fits(start, stop)), default=0)

    return of(count)


@given(st.integers(0, 60), st.integers(1, 70))
def test_a_list_of_keys_is_cut_into_few_batches_that_have_all_of_it(count, size):
    batches = cut(count, size)
    assert [position for batch in batches for position in range(*batch)] == list(range(count))
    assert all(1 <= batch.length <= size for batch in batches)
    assert len(batches) == -(-count // size)


@given(st.lists(st.integers(0, 12), max_size=25), st.integers(1, 8), st.integers(1, 30))
def test_a_limit_of_bytes_is_kept_with_few_batches(sizes, size, limit):
    def fits(start, stop):
        return stop - start <= size and (stop - start == 1 or sum(sizes[start:stop]) <= limit)

    batches = cut(len(sizes), size, sizes, limit)
    assert [position for batch in batches for position in range(*batch)] == list(range(len(sizes)))
    assert all(fits(*batch) for batch in batches)
    assert len(batches) == fewest(len(sizes), fits)


# The batch of a position


@st.composite
def ranges(draw):
    """Batches of up to three pages of positions, of any lengths."""
    count = draw(st.integers(0, 3 * POSITIONS_PER_PAGE))
    limit = draw(st.integers(1, 3000))
    sizes = draw(st.lists(st.integers(0, 3000), min_size=1, max_size=7))
    return cut(count, draw(st.integers(1, 2500)), [sizes[at % len(sizes)] for at in range(count)], limit)


@given(ranges())
def test_every_position_is_found_in_its_batch(batches):
    pages = pages_of_places(batches)
    is_regular = bool(pages) and pages[0].size is not None
    found = [
        pages[0 if is_regular else position // POSITIONS_PER_PAGE].batch_of(position)
        for batch in batches
        for position in range(*batch)
    ]
    assert found == [number for number, batch in enumerate(batches) for _ in range(*batch)]
    count = batches[-1].stop if batches else 0
    assert len(pages) == (1 if is_regular else -(-count // POSITIONS_PER_PAGE))


@given(st.integers(1, 10_000), st.integers(1, 2500))
def test_one_page_is_enough_for_batches_of_one_size(count, size):
    (page,) = pages_of_places(cut(count, size))
    positions = {0, size - 1, size, count // 2, count - 1} & set(range(count))
    assert {at: page.batch_of(at) for at in positions} == {at: at // size for at in positions}
    assert page.batch_of(count) is None


@given(ranges())
def test_a_page_has_the_batches_that_begin_in_it_and_one_more(batches):
    irregular = [page for page in pages_of_places(batches) if page.size is None]
    for number, page in enumerate(irregular):
        assert list(page.starts) == sorted(set(page.starts))
        assert all(start // POSITIONS_PER_PAGE == number for start in page.starts[1:])
        assert page.starts[0] <= number * POSITIONS_PER_PAGE


@given(st.lists(st.sets(st.integers(0, 60), max_size=20), max_size=5))
def test_the_first_chunk_tells_where_each_other_key_is(parts):
    chunks, taken = {}, set()
    for number, positions in enumerate(parts, 1):
        chunks[number] = sorted(positions - taken, reverse=number % 2 == 0)
        taken |= positions
    stored = StoredChunk.unpack(StoredChunk((), 1, others=ranges_of(chunks)).pack())
    expected = {position: number for number, positions in chunks.items() for position in positions}
    assert {at: stored.chunk_of(at) for at in range(62)} == {at: expected.get(at) for at in range(62)}


# What is stored of the keys

failures = st.builds(KeyFailure, storable_text, storable_text, storable_text)
records = st.builds(
    KeyRecord,
    key_paths,
    st.integers(0, 10**6),
    st.sampled_from(sorted(FINAL)),
    st.dictionaries(output_names, xcom_values, max_size=3),
    st.dictionaries(storable_text, xcom_values, max_size=2),
    st.none() | failures,
    st.none() | storable_text,
    is_final=st.booleans(),
    tries=st.integers(0, 5),
    is_held_back=st.booleans(),
    started=st.none() | st.integers(0, 2**42),
    milliseconds=st.none() | st.floats(0, 1e9),
)
chunks = st.builds(StoredChunk, st.lists(records, max_size=5).map(tuple), st.integers(1, 9), st.booleans())


@given(chunks)
def test_a_chunk_survives_a_round_trip(chunk):
    assert StoredChunk.unpack(json.loads(json.dumps(chunk.pack()))) == chunk


@given(chunks, json_values)
def test_a_chunk_of_a_later_release_is_read(chunk, value):
    packed = {**chunk.pack(), "a field of a later release": value}
    for failure in packed["failures"].values():
        failure["a field of a later release"] = value
    assert StoredChunk.unpack(packed) == chunk


TWO_KEYS = (KeyRecord(("a",), 0, "success", {"result": 1}), KeyRecord(("b",), 1, "failed"))
CHUNK = StoredChunk(TWO_KEYS, 1).pack()


@pytest.mark.parametrize(
    "damage",
    [
        {"values": {"result": []}},
        {"values": {"result": [1, 2]}},
        {"without": {}},
        {"without": {"result": [0, 1]}},
        {"positions": [0]},
        {"keys": ["a", "b", "c"]},
        {"started": [None]},
        {"states": {"1": "running"}},
        {"states": {"1": None}},
        {"tries": {"0": "1"}},
        {"failures": {"1": {"type": "ValueError"}}},
    ],
    ids=str,
)
def test_columns_that_do_not_fit_each_other_are_refused(damage):
    assert StoredChunk.unpack(CHUNK).records == TWO_KEYS
    with refused(LayoutError, "this is not the keys of a batch as it is stored"):
        StoredChunk.unpack({**copy.deepcopy(CHUNK), **damage})


# Labels


@given(key_paths | long_paths, key_paths | long_paths, st.integers(2, 10**6))
def test_a_label_shows_both_ends_of_a_batch(first, last, count):
    label = render_batch_label(first, last, count)
    assert len(label) <= MAX_LABEL_LENGTH
    one, other = render_key(first), render_key(last)
    if len(one) + len(other) <= 200:
        assert label == f"{one} … {other} ({count})"
    # Keys that differ at their beginnings or ends have labels that differ.
    assert label.startswith(one[:50])
    assert f"{one[-50:]} … {other[:50]}" in label
    assert label.endswith(f"{other[-50:]} ({count})")


@given(key_paths | long_paths)
def test_the_label_of_a_batch_of_one_key_is_that_of_the_key(path):
    assert render_batch_label(path, path, 1) == render_label(path)


# What is refused


@pytest.mark.parametrize("value", [0, -1, True, False, 1.5, "2", (), [3]])
@pytest.mark.parametrize("name", ["size", "bytes", "concurrency"])
def test_a_count_is_a_whole_number_of_at_least_1(name, value):
    with refused(DeclarationError, f"Batch() received {name}={value!r}. Pass a whole number of at least 1."):
        Batch(**{"size": 2, name: value})


def test_a_batch_has_a_size():
    with refused(DeclarationError, "Batch() received size=None. Pass a whole number of at least 1."):
        Batch(None)


@pytest.mark.parametrize("value", [True, None, 1.0, "2", {}, Batch])
def test_what_is_no_number_of_keys_is_refused_where_it_was_passed(value):
    with refused(
        DeclarationError, f"map() received batch={value!r} of type {type(value).__name__}. Pass the "
    ):
        Batch.of(value)


def test_a_number_stands_for_a_batch():
    assert Batch.of(3) == Batch(3)
    assert Batch.of(settings := Batch(3, concurrency=2)) is settings
    with refused(DeclarationError, "Batch() received size=0"):
        Batch.of(0)


@pytest.mark.parametrize("runner", ["process", "", 3, True, ["threads"]])
def test_an_unknown_runner_is_refused(runner):
    message = f'Batch() received runner={runner!r}. Pass "threads", "processes", or a function that returns'
    with refused(DeclarationError, message):
        Batch(2, runner=runner)


@pytest.mark.parametrize("timeout", [0, -1, 0.0, float("inf"), float("nan"), timedelta(0), timedelta(-1)])
def test_a_time_that_is_no_limit_is_refused(timeout):
    with refused(DeclarationError, f"Batch() received key_timeout={timeout!r}. Pass a time above 0"):
        Batch(2, key_timeout=timeout)


@pytest.mark.parametrize("timeout", [True, "1", [1]])
def test_what_is_no_time_is_refused(timeout):
    with refused(DeclarationError, f"key_timeout={timeout!r} of type {type(timeout).__name__}. Pass a time"):
        Batch(2, key_timeout=timeout)


def test_a_time_is_in_seconds():
    assert Batch(2, key_timeout=timedelta(minutes=1)).timeout_seconds == 60
    assert Batch(2, key_timeout=1.5).timeout_seconds == 1.5
    assert Batch(2).timeout_seconds is None


def test_a_batch_may_have_any_executor():
    assert callable(Batch(2, runner=lambda: None).runner)


@pytest.mark.parametrize(
    ("executor", "workers"),
    [
        (ThreadPoolExecutor(3), 3),
        (SimpleNamespace(max_workers=5, _max_workers=3), 5),
        (SimpleNamespace(max_workers=None, _client=SimpleNamespace(ncores=lambda: {"a": 2, "b": 1})), 3),
        (SimpleNamespace(_client=SimpleNamespace(ncores=dict)), None),
        (SimpleNamespace(max_workers=0, _client=None), None),
        (SimpleNamespace(), None),
    ],
)
def test_an_executor_says_how_many_keys_it_runs_at_the_same_time(executor, workers):
    assert workers_of(executor) == workers
