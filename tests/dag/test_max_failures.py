"""No further key is started once more keys of a map have failed than ``max_failures`` allows."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_task, get_mapping_key
from airflow_dynamic_provider.execution.layout import NOT_STARTED_XCOM
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag_runs import run_dag, start_run

pytestmark = pytest.mark.dag

#: What the tasks below do; a test changes it: the number of keys, the keys that fail and those that skip.
WORLD = SimpleNamespace()


@pytest.fixture(autouse=True)
def _world():
    WORLD.count, WORLD.fail, WORLD.fail_once, WORLD.skip, WORLD.ran = 8, set(), set(), set(), []


@dynamic_task(out=DynamicOut(int))
def produce():
    for number in range(WORLD.count):
        yield DynamicOutput(number, f"k{number}")


@task
def work(number):
    key = get_mapping_key()
    WORLD.ran.append(key)
    if key in WORLD.fail or (key in WORLD.fail_once and WORLD.ran.count(key) == 1):
        raise ValueError(f"{key} is bad")
    if key in WORLD.skip:
        raise AirflowSkipException(f"{key} is not wanted")
    return number * 10


@task
def double(number):
    return number * 2


@task
def keep(values):
    return values


def ends(run, task_id="states"):
    """State -> the number of keys that ended so."""
    return Counter(run.xcom(task_id).values())


def test_the_other_keys_are_skipped_and_the_collectors_say_so(caplog):
    WORLD.fail = {"k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"}
    with DAG("limited", schedule=None) as dag:
        results = produce().map(work, max_failures=2)
        later = results.map(double)
        keep(results.collect(keyed=True, min_success_ratio=0))
        keep.override(task_id="strict")(results.collect())
        keep.override(task_id="of_later")(later.collect(lazy=True))
        keep.override(task_id="states")(results.states())
    with caplog.at_level("WARNING"):
        run = run_dag(dag)
    assert len(WORLD.ran) == 3
    assert ends(run) == {"failed": 3, "skipped": 5}
    assert {key for key, state in run.xcom("states").items() if state == "failed"} == set(WORLD.ran)
    assert run.xcom("keep") == {}
    marks = run.xcoms("work", NOT_STARTED_XCOM).values()
    assert len(marks) == 5
    assert {mark["reason"] for mark in marks} == {
        "Not started: more keys of the map over produce.result have failed than max_failures=2 allows."
    }
    assert [run.state_of(task_id) for task_id in ("strict", "of_later")] == ["failed", "failed"]
    names = ", ".join(map(repr, sorted(WORLD.ran)))
    others = ", ".join(repr(key) for key in sorted(WORLD.fail - set(WORLD.ran)))
    said = (
        f"3 of 8 keys failed: {names}; 5 of 8 keys were not started, because more keys of the map over "
        f"produce.result have failed than max_failures=2 allows: {others}"
    )
    assert f"Left out of the collection of work.result: {said}" in caplog.text
    assert f"Task 'work', output 'result': {said}. Clear the failed and the skipped clones" in caplog.text
    assert f"Task 'double', output 'result': {said}. Clear the failed and the skipped" in caplog.text


def test_keys_that_fail_within_the_limit_stop_no_other():
    WORLD.fail, WORLD.skip = {"k1", "k6"}, {"k2"}
    with DAG("limited", schedule=None) as dag:
        results = produce().map(work, max_failures=0.25)
        keep(results.collect(keyed=True, min_success_ratio=0.7))
        keep.override(task_id="strict")(results.collect())
    run = run_dag(dag)
    assert len(WORLD.ran) == 8
    assert run.xcom("keep") == {"k0": 0, "k3": 30, "k4": 40, "k5": 50, "k7": 70}
    assert run.state_of("strict") == "failed"


def test_keys_that_may_succeed_in_a_retry_keep_the_others_waiting(monkeypatch):
    monkeypatch.setattr("airflow_dynamic_provider.execution.limits.RESCHEDULE_AFTER", timedelta(0))
    WORLD.fail_once = {"k0", "k1"}
    with DAG("limited", schedule=None) as dag:
        results = produce().map(work.override(retries=1, retry_delay=0), max_failures=1)
        keep(results.collect())
    run = start_run(dag).run()
    assert run.xcom("keep") == [number * 10 for number in range(8)]
    assert Counter(WORLD.ran) == {**dict.fromkeys([f"k{number}" for number in range(8)], 1), "k0": 2, "k1": 2}


def test_after_a_clear_a_key_counts_by_its_last_try():
    WORLD.fail = {f"k{number}" for number in range(8)}
    with DAG("limited", schedule=None) as dag:
        results = produce().map(work, max_failures=1)
        keep(results.collect())
    run = start_run(dag).run()
    assert len(WORLD.ran) == 2
    failed = set(WORLD.ran)
    # Those that failed succeed now. Those that were skipped fail, except the first.
    WORLD.ran, WORLD.fail = [], set(sorted(WORLD.fail - failed)[1:])
    run.clear("work").run()
    assert len(WORLD.fail & set(WORLD.ran)) == 2
    assert set(run.states("work").values()) >= {"failed", "skipped"}
    WORLD.ran, WORLD.fail = [], set()
    run.clear("work").run()
    assert run.xcom("keep") == [number * 10 for number in range(8)]


def limited(batch, **settings):
    with DAG("limited", schedule=None) as dag:
        results = produce().map(work.override(**settings), batch=batch, max_failures=2)
        later = results.map(double, batch=3)
        keep(results.collect(keyed=True, min_success_ratio=0))
        keep.override(task_id="strict")(results.collect())
        keep.override(task_id="of_later")(later.collect(min_success_ratio=0.5))
        keep.override(task_id="states")(results.states())
    return dag


def test_batches_count_their_failed_keys_together():
    WORLD.count, WORLD.fail, WORLD.skip = 9, {"k1", "k3", "k4", "k8"}, {"k2"}
    run = start_run(limited(3)).run()
    assert WORLD.ran == ["k0", "k1", "k2", "k3", "k4"]
    assert run.xcom("states") == {
        "k0": "success",
        "k1": "failed",
        "k2": "skipped",
        "k3": "failed",
        "k4": "failed",
        **dict.fromkeys(["k5", "k6", "k7", "k8"], "skipped"),
    }
    assert run.xcom("keep") == {"k0": 0}
    assert str(run.errors["strict", -1]).startswith(
        "Task 'work', output 'result': 3 of 8 keys failed: 'k1', 'k3', 'k4'; 4 of 8 keys were not started, "
        "because more keys of the map over produce.result have failed than max_failures=2 allows: 'k5', "
        "'k6', 'k7', 'k8'."
    )
    assert "3 of 8 keys failed" in str(run.errors["of_later", -1])
    assert "4 of 8 keys were not started" in str(run.errors["of_later", -1])
    assert run.states("work") == {"k0 … k2 (3)": "failed", "k3 … k5 (3)": "failed", "k6 … k8 (3)": "skipped"}


def test_a_retry_of_a_batch_starts_the_keys_that_were_not_started():
    WORLD.count, WORLD.fail_once = 9, {f"k{number}" for number in range(9)}
    run = start_run(limited(3, retries=4, retry_delay=0)).run()
    assert run.xcom("keep") == {f"k{number}": number * 10 for number in range(9)}
    assert Counter(WORLD.ran) == dict.fromkeys(WORLD.fail_once, 2)


def test_after_the_last_try_the_keys_that_were_never_started_are_skipped():
    WORLD.count, WORLD.fail = 9, {f"k{number}" for number in range(9)}
    run = start_run(limited(5, retries=1, retry_delay=0)).run()
    assert WORLD.ran == ["k0", "k1", "k2"] * 2
    assert ends(run) == {"failed": 3, "skipped": 6}
    # The first batch knows nothing of the second, which is not started until the first has ended.
    WORLD.ran, WORLD.fail = [], {"k7"}
    run.clear("work").run()
    assert ends(run) == {"success": 8, "failed": 1}
