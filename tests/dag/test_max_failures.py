"""No further key is started once more keys of a map have failed than ``max_failures`` allows."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from types import SimpleNamespace

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_task, get_mapping_key
from airflow_dynamic_provider.execution.batch_records.failures import FAILURES_XCOM
from airflow_dynamic_provider.execution.layout import NOT_STARTED_XCOM
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.workflow_clears import execute
from tests.dag_runs import run_dag, start_run

pytestmark = pytest.mark.dag

#: What the tasks below do; a test changes it: the number of keys, the keys that fail and those that skip.
WORLD = SimpleNamespace()


@pytest.fixture(autouse=True)
def _world():
    WORLD.count, WORLD.fail, WORLD.fail_once, WORLD.skip = 8, set(), set(), set()
    WORLD.ran, WORLD.cleaned = [], []


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
    why = "; ".join(f"{key!r}: ValueError: {key} is bad" for key in sorted(WORLD.ran))
    for task_id in ("work", "double"):
        remedy = f"{said}. {why}. Clear the failed and the skipped clones"
        assert f"Task {task_id!r}, output 'result': {remedy}" in caplog.text


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


@task
def clean_up(number):
    WORLD.cleaned.append(get_mapping_key())


def test_tasks_that_run_side_by_side_are_counted_for_themselves(read):
    WORLD.fail = {"k0", "k2", "k5"}

    def body(number):
        worked = work(number)
        worked >> clean_up.override(trigger_rule="all_done")(0)
        return double(worked), BashOperator(task_id="beside", bash_command="exit 1")

    with DAG("limited", schedule=None) as dag:
        results, _ = produce().map(body, max_failures=3)
        keep(results.collect(min_success_ratio=0))
        keep.override(task_id="states")(results.states())
    run = start_run(dag).run()
    # Tasks that run side by side are not added up: all of `work` ran, and four commands had to fail.
    assert len(WORLD.ran) == 8
    assert run.states("beside") == {f"k{at}": "failed" if at < 4 else "skipped" for at in range(8)}
    assert ends(run) == {"upstream_failed": 3, "skipped": 5}
    # A task with a trigger rule of its own follows it, also for the keys that were not started.
    assert len(WORLD.cleaned) == 8
    (space,) = read(run, "export", "--format", "json", "--what", "states")["outputs"]
    reasons = {
        (key["key"], each["task_id"]): each.get("reason") for key in space["keys"] for each in key["tasks"]
    }
    assert reasons["k7", "double"].startswith("Not started: more keys of the map over produce.result")


@pytest.fixture
def read(capsys):
    """Execute a command, and read the JSON that it writes."""

    def execute_and_load(run, name, *arguments):
        capsys.readouterr()
        execute([name, run.dag.dag_id, run.run_id, *arguments])
        return json.loads(capsys.readouterr().out)

    return execute_and_load


@dynamic_task(out=DynamicOut(int))
def inner(number):
    for each in range(2):
        yield DynamicOutput(number * 10 + each, f"i{each}")


def test_keys_below_others_are_counted_over_the_whole_map():
    WORLD.count, WORLD.fail = 4, {"k0/i1", "k1/i0", "k1/i1", "k2/i0"}
    with DAG("limited", schedule=None) as dag:

        def body(number):
            results = inner(number).map(work, max_failures=1)
            return results, keep.override(task_id="below")(results.collect(min_success_ratio=0.5))

        results, below = produce().map(body)
        keep(results.collect(keyed=True, min_success_ratio=0))
        keep.override(task_id="states")(results.states())
        keep.override(task_id="states_below")(below.states())
    run = start_run(dag).run()
    assert WORLD.ran == ["k0/i0", "k0/i1", "k1/i0"]
    assert run.xcom("states") == {
        "k0": {"i0": "success", "i1": "failed"},
        "k1": {"i0": "failed", "i1": "skipped"},
        "k2": {"i0": "skipped", "i1": "skipped"},
        "k3": {"i0": "skipped", "i1": "skipped"},
    }
    assert run.xcom("states_below") == {"k0": "success", "k1": "failed", "k2": "failed", "k3": "failed"}
    assert "2 of 2 keys were not started" in str(run.errors["below", 3])


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
    # Each batch reads once what the others tell. Only a batch with failed keys tells anything.
    assert [run.calls.messages["work", number]["GetXComSequenceSlice"] for number in range(3)] == [1, 1, 1]
    assert [value["failures"] for value in run.xcoms("work", FAILURES_XCOM).values()] == [1, 2]


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
