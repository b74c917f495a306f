"""A batch runs each of its keys as a task instance of its own would run it."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, get_current_context, task

from airflow_dynamic_provider import (
    Batch,
    DynamicOut,
    DynamicOutput,
    dynamic_task,
    get_mapping_key,
)
from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord, StoredChunk, chunk_xcom
from tests.dag.misbehaving import behave
from tests.dag_runs import run_dag, start_run
from tests.local_runs import run_locally
from tests.marking import needs_task_state_store
from tests.task_runs import OF_CLEARS

pytestmark = pytest.mark.dag

#: What the tasks below do; a test changes it. ``acts`` is key -> what happens, ``ran`` the keys that ran.
WORLD = SimpleNamespace()


@pytest.fixture(autouse=True)
def _world():
    WORLD.count, WORLD.acts, WORLD.ran = 5, {}, []


@dynamic_task(out=DynamicOut(int))
def produce():
    for number in range(WORLD.count):
        yield DynamicOutput(number, f"k{number}", metadata={"number": number})


@task
def keep(values):
    return values


def act(key):
    WORLD.ran.append(key)
    behave(WORLD.acts.get(key), key)


@task
def work(number):
    act(get_mapping_key())
    return number * 10


def batched(function, batch, **kept):
    with DAG("batched", schedule=None) as dag:
        results = produce().map(function, batch=batch)
        keep(results.collect(keyed=True, min_success_ratio=0))
        keep.override(task_id="states")(results.states())
    return dag


def records(run, task_id="work"):
    """Key -> record, from the XComs of all batches."""
    found: dict[str, KeyRecord] = {}
    for number in range(100):
        chunks = run.xcoms(task_id, chunk_xcom(number))
        if not chunks:
            return found
        for stored in chunks.values():
            found |= {record.key_path[0]: record for record in StoredChunk.unpack(stored).records}
    return found


def test_async_functions_wait_at_the_same_time():
    WORLD.count, WORLD.most, WORLD.now = 50, 0, 0

    @task
    async def wait(number):
        WORLD.now += 1
        WORLD.most = max(WORLD.most, WORLD.now)
        await asyncio.sleep(0.05)
        WORLD.now -= 1
        return [number, get_mapping_key()]

    run = run_locally(batched(wait, Batch(50, concurrency=20)))
    assert run.xcom("keep") == {f"k{number}": [number, f"k{number}"] for number in range(50)}
    assert WORLD.most == 20


def test_threads_run_at_the_same_time():
    WORLD.count = 4
    together = threading.Barrier(4, timeout=20)

    @task
    def meet(number):
        together.wait()
        return threading.current_thread() is threading.main_thread()

    run = run_locally(batched(meet, Batch(4, concurrency=4)))
    assert run.xcom("keep") == dict.fromkeys(["k0", "k1", "k2", "k3"], False)


def test_a_plain_function_runs_in_the_main_thread():
    @task
    def here(number):
        return threading.current_thread() is threading.main_thread()

    run = run_locally(batched(here, 3))
    assert set(run.xcom("keep").values()) == {True}


def test_a_process_of_the_pool_that_dies_fails_its_keys_and_the_others_run():
    @task
    def die(number):
        if number == 0:
            os._exit(1)
        time.sleep(0.2)
        return number

    run = run_locally(batched(die, Batch(5, concurrency=1, runner="processes")))
    assert run.xcom("keep") == {f"k{number}": number for number in range(1, 5)}
    assert "the process that ran it died" in records(run, "die")["k0"].failure.message


@pytest.mark.parametrize("runner", ["processes", ProcessPoolExecutor])
def test_a_function_in_another_process_cannot_call_airflow(runner):
    @task
    def ask(number):
        from airflow.sdk import Variable

        context = get_current_context()
        with pytest.raises(Exception, match="the context has no 'ti' in another process"):
            context["ti"]
        Variable.get("anything")

    run = run_locally(batched(ask, Batch(5, runner=runner, concurrency=2)))
    message = records(run, "ask")["k0"].failure.message
    assert "not available in a function that runs in another process" in message


def test_xcom_push_is_refused_at_the_key():
    @task
    def push(number, ti=None):
        ti.xcom_push("mine", number)

    run = run_locally(batched(push, 5))
    assert records(run, "push")["k0"].failure.message == (
        "Task 'push', key 'k0': xcom_push('mine') in a batch, whose XComs belong to all of its keys. "
        "Return the value, or attach it with add_output_metadata."
    )


def test_a_value_that_cannot_be_stored_fails_its_key_alone():
    @task
    def give(number):
        return object() if number == 1 else number

    run = run_locally(batched(give, 5))
    assert run.xcom("states")["k1"] == "failed"
    assert run.xcom("keep") == {"k0": 0, "k2": 2, "k3": 3, "k4": 4}
    assert (
        "Task 'give', output 'result', key 'k1': XCom cannot carry"
        in records(run, "give")["k1"].failure.message
    )


def test_keys_do_not_share_their_arguments():
    @task
    def once():
        return [1]

    @task
    def change(number, values, own):
        values.append(number)
        own.append(number)
        return [values, own]

    with DAG("batched", schedule=None) as dag:
        shared = once()
        results = produce().map(lambda number: change(number, shared, [0]), batch=5)
        keep(results.collect())
    run = run_dag(dag)
    assert run.xcom("keep") == [[[1, number], [0, number]] for number in range(5)]
    assert run.calls.messages["change", 0]["GetXCom"] <= 3 + OF_CLEARS


@needs_task_state_store
def test_a_retry_runs_only_the_keys_that_failed():
    WORLD.acts = {"k1": "fail", "k3": "fail for good", "k2": "skip"}
    run = start_run(batched(work.override(retries=2, retry_delay=0), 5)).run()
    first = WORLD.ran[:5]
    assert first == ["k0", "k1", "k2", "k3", "k4"]
    assert WORLD.ran[5:] == ["k1", "k1"]
    assert run.xcom("keep") == {"k0": 0, "k4": 40}
    found = records(run)
    assert {key: record.tries for key, record in found.items()} == {
        "k0": 1,
        "k1": 3,
        "k2": 1,
        "k3": 1,
        "k4": 1,
    }


def test_a_batch_whose_failed_keys_are_final_is_not_retried():
    WORLD.acts = {"k1": "fail for good"}
    run = start_run(batched(work.override(retries=2, retry_delay=0), 5)).run()
    assert WORLD.ran == ["k0", "k1", "k2", "k3", "k4"]
    assert run.tries()[("work", 0)] == 1


def test_a_clear_runs_all_keys_of_a_batch_again():
    WORLD.acts = {"k1": "fail"}
    run = start_run(batched(work.override(retries=1, retry_delay=0), 3)).run()
    WORLD.ran, WORLD.acts = [], {}
    run.clear("work", 0).run()
    assert WORLD.ran == ["k0", "k1", "k2"]
    assert run.xcom("keep") == {f"k{number}": number * 10 for number in range(5)}


def test_more_keys_than_airflow_maps(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "10")
    WORLD.count = 100
    run = run_dag(batched(work, 30))
    assert run.state == "success"
    assert run.xcom("keep") == {f"k{number}": number * 10 for number in range(100)}
    assert run.states("work").keys() == {
        "k0 … k29 (30)",
        "k30 … k59 (30)",
        "k60 … k89 (30)",
        "k90 … k99 (10)",
    }


def test_a_limit_of_bytes_cuts_batches():
    @dynamic_task(out=DynamicOut(str))
    def texts():
        for number in range(5):
            yield DynamicOutput("x" * (100 if number == 2 else 10), f"t{number}")

    @task
    def length(text):
        return len(text)

    with DAG("batched", schedule=None) as dag:
        lengths = texts().map(length, batch=Batch(3, bytes=40))
        keep(lengths.collect())
        keep.override(task_id="again")(
            lengths.map(keep.override(task_id="keep_each"), batch=Batch(10, bytes=4)).collect()
        )
    run = run_locally(dag)
    assert run.xcom("keep") == [10, 10, 100, 10, 10]
    assert run.xcom("again") == [10, 10, 100, 10, 10]
    assert list(run.states("length")) == ["t0 … t1 (2)", "t2", "t3 … t4 (2)"]
    assert list(run.states("keep_each")) == ["t0 … t1 (2)", "t2", "t3 … t4 (2)"]


def test_what_another_process_lacks_is_refused_where_it_is_used():
    @task
    def take(number, ti=None, params=None, **context):
        if number == 0:
            return ti.task_id
        return [params, sorted(context)]

    run = run_locally(batched(take, Batch(5, runner="processes")))
    message = records(run, "take")["k0"].failure.message
    assert message.startswith("Key 'k0': the context has no 'ti' in another process")
    kept = run.xcom("keep")["k1"]
    assert kept[0] == {}
    assert {"ds", "mapping_key", "run_id"} <= set(kept[1])


def test_a_key_that_has_ended_is_stored_while_the_next_one_runs():
    stored = []

    @task
    def look(number, ti=None):
        if number == 1:
            time.sleep(1.5)
            stored.append(ti.xcom_pull(task_ids="look", key=chunk_xcom(0), map_indexes=0))
        return number

    run = run_dag(batched(look, 5))
    assert run.state == "success"
    assert [record.key_path for record in StoredChunk.unpack(stored[0]).records] == [("k0",)]


def test_more_joined_keys_than_airflow_maps(monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "10")

    @task
    def add(left, right):
        return left + right

    def program(batch):
        with DAG("batched", schedule=None) as dag:
            keep(produce().product(produce.override(task_id="others")()).map(add, batch=batch).collect())
        return dag

    assert run_dag(program(5)).xcom("keep") == [left + right for left in range(5) for right in range(5)]
    assert run_dag(program(None)).state == "failed"
