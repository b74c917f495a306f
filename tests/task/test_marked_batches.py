"""Batches with failed keys that a person marked as success, as Airflow's page offers."""

from __future__ import annotations

from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from tests.task_runs import FakeSupervisor, run_task


@task.dynamic(out=DynamicOut(int))
def produce():
    for number in range(4):
        yield DynamicOutput(number, mapping_key=f"key {number}")


@task
def first(number):
    if number == 2:
        raise ValueError("as the test says")
    return number + 1


@task
def second(number):
    return number * 2


@task
def after(number):
    return "ran"


@task
def use(values):
    return values


def test_a_key_without_a_value_fails_where_its_value_is_needed_and_no_other_key_does():
    def body(number):
        value = first(number)
        ordered = after(number)
        value >> ordered
        return second(value), ordered

    with DAG("marked", schedule=None) as made:
        results, ordered = produce().map(body, batch=4)
        use(results.collect(keyed=True, min_success_ratio=0))
        use.override(task_id="ordered")(ordered.collect(keyed=True))
        use.override(task_id="states")(results.states())
    supervisor = FakeSupervisor()

    def run(task_id, index=-1):
        return run_task(made, task_id, index, supervisor)

    for task_id, index in (("produce", -1), ("produce__batches", -1), ("first", 0)):
        ended = run(task_id, index)
    assert ended.state == "failed"
    supervisor.states["first", 0] = "success"
    assert {run(f"{task_id}__gate", 0).state for task_id in ("second", "after")} == {"success"}
    ended = run("second", 0)
    assert ended.state == "failed"
    assert "1 of 4 keys failed: 'key 2'" in ended.message
    assert run("after", 0).state == "success"
    for task_id in ("use", "ordered", "states"):
        ended = run(task_id)
        assert ended.state == "success", ended.message
    found = {
        task_id: supervisor.xcoms[task_id, -1, "return_value"] for task_id in ("use", "ordered", "states")
    }
    assert found == {
        "use": {"key 0": 2, "key 1": 4, "key 3": 8},
        "ordered": dict.fromkeys(["key 0", "key 1", "key 2", "key 3"], "ran"),
        "states": {"key 0": "success", "key 1": "success", "key 2": "failed", "key 3": "success"},
    }
