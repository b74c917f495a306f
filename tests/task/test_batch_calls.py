"""The calls that a run in batches makes. Their number must not grow with the number of keys in a batch."""

from __future__ import annotations

import functools
from collections import Counter
from unittest import mock

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.batches import recording
from tests.task.cost_table import OF_AIRFLOW
from tests.task_runs import OF_CLEARS, FakeSupervisor, run_task

#: The number of keys in a batch, and in two.
SIZE, KEYS = 1000, 2000


@task.dynamic(out=DynamicOut(int))
def produce(count):
    for number in range(count):
        yield DynamicOutput(number, mapping_key=f"key-{number:06}")


@task
def first(number):
    return number + 1


@task
def second(number):
    return number * 2


@task
def use(values):
    return [len(values), sum(values.values())]


@task
def use_pages(values):
    return sum(values)


@functools.cache
def run():
    """The run of two tasks in batches, and of two collectors. It returns task -> its calls, and the XComs."""
    with DAG("batched", schedule=None) as made:
        results = produce(KEYS).map(lambda number: second(first(number)), batch=SIZE)
        use(results.collect(keyed=True))
        use_pages(results.collect(lazy=True))
    supervisor = FakeSupervisor()
    calls: dict[str, Counter[str]] = {}
    for task_id in ("produce", "produce__batches", "first", "second__gate", "second", "use", "use_pages"):
        in_batches = task_id in ("first", "second__gate", "second")
        for index in range(2) if in_batches else (-1,):
            # A slow machine does not store what has ended so far.
            with mock.patch.object(recording, "_STORE_EVERY", 3600):
                calls[task_id] = count_calls(made, supervisor, task_id, index)
    return calls, supervisor.xcoms


def test_two_thousand_keys_have_their_results():
    _, xcoms = run()
    assert xcoms["use", -1, "return_value"] == [KEYS, sum(2 * (number + 1) for number in range(KEYS))]
    assert xcoms["use_pages", -1, "return_value"] == xcoms["use", -1, "return_value"][1]


def test_an_output_that_only_batches_read_is_stored_a_thousand_values_at_a_time():
    calls, xcoms = run()
    # Two pages, the keys and their digest.
    assert calls["produce"] == {"SetXCom": 4}
    assert ("produce", -1, layout.values_xcom("result", 1)) in xcoms
    assert ("produce", -1, layout.items_xcom("result", 0)) not in xcoms


def single(handle):
    handle.map(first)


def below(handle):
    handle.map(lambda number: produce.override(task_id="inner")(number))


def joined(handle):
    handle.zip(produce.override(task_id="other")(1)).map(lambda one, other: first(one), batch=SIZE)


def small(handle):
    handle.map(first, batch=10)


@pytest.mark.parametrize("also", [single, below, joined, small])
def test_an_output_of_which_single_keys_are_read_has_small_pages_too(also):
    with DAG("mixed", schedule=None) as made:
        handle = produce(3)
        handle.map(first, batch=SIZE)
        also(handle)
    supervisor = FakeSupervisor()
    assert run_task(made, "produce", supervisor=supervisor).state == "success"
    assert ("produce", -1, layout.values_xcom("result", 0)) in supervisor.xcoms
    assert ("produce", -1, layout.items_xcom("result", 0)) in supervisor.xcoms


def test_dividing_keys_into_batches_of_one_size_takes_the_same_calls_for_any_number_of_keys():
    calls, _ = run()
    # The keys and their digest; then the batches, the batch of each position, and what Airflow expands over.
    assert calls["produce__batches"] == {"GetXCom": 2, "SetXCom": 3}


def test_a_batch_makes_few_calls_for_a_thousand_keys():
    calls, _ = run()
    # Its positions, the values; then the results.
    assert calls["first"] == {"GetXCom": 2 + OF_CLEARS, "SetXCom": 1}
    # The same, the state of the batch before, and its results.
    assert calls["second"] == {"GetXCom": 3 + OF_CLEARS, "GetTaskStates": 1, "SetXCom": 1}


def test_a_collector_reads_each_batch_with_one_call():
    calls, _ = run()
    # The keys, their digest, the batch of each position, and the results of two batches.
    assert calls["use"] == {"GetTaskStates": 1, "GetXCom": 5, "SetXCom": 1}
    # A lazy collection reads the states first, and the values later.
    assert calls["use_pages"] == {"GetTaskStates": 1, "GetXCom": 7, "SetXCom": 1}


def count_calls(made, supervisor, task_id, index):
    """Run a task instance, and return its calls."""
    del supervisor.messages[:]
    done = run_task(made, task_id, index, supervisor)
    assert done.state == "success", done.message
    names = [type(message).__name__ for message in supervisor.messages]
    return Counter(name for name in names if name not in OF_AIRFLOW)


def test_a_clone_reads_two_chunks_at_most_of_a_batch_with_many(monkeypatch):
    monkeypatch.setattr(recording, "CHUNK_BYTES", 2000)
    with DAG("single_after_batch", schedule=None) as made:
        produce(200).map(first, batch=200).map(second)
    supervisor = FakeSupervisor()
    for task_id, index in (("produce", -1), ("produce__batches", -1), ("first", 0)):
        count_calls(made, supervisor, task_id, index)
    assert sum(key.startswith("dynamic_batch.") for _, _, key in supervisor.xcoms) > 5
    for position, chunks in ((0, 1), (150, 2), (199, 2)):
        # Its own item, the batch of its position, and the chunks. The gate needs a state too.
        of_gate = count_calls(made, supervisor, "second__gate", position)
        assert of_gate == {"GetXCom": 3 + chunks, "GetTaskStates": 1}
        assert count_calls(made, supervisor, "second", position) == {"GetXCom": 2 + chunks, "SetXCom": 1}
        assert supervisor.xcoms["second", position, "return_value"] == 2 * (position + 1)


def test_a_batch_after_single_clones_asks_only_for_the_states_of_its_own_keys():
    with DAG("batch_after_singles", schedule=None) as made:
        produce(200).map(first).map(second, batch=5)
    supervisor = FakeSupervisor()
    for task_id, index in (("produce", -1), ("produce__batches", -1), *(("first", at) for at in range(5))):
        count_calls(made, supervisor, task_id, index)
    supervisor.states |= {("first", index): "success" for index in range(200)}
    rows = []
    for state, asked in (("success", {"GetTICount": 2}), ("failed", {"GetTICount": 2, "GetTaskStates": 5})):
        # A clone of another batch.
        supervisor.states["first", 100] = state
        supervisor.rows = 0
        calls = count_calls(made, supervisor, "second__gate", 0)
        assert calls == {"GetXCom": 3, **asked}
        rows.append(supervisor.rows)
    assert rows == [3, 3 + 5]
