"""once(): a task that a mapped function calls, and that runs once."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task, task_group

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_task, once
from airflow_dynamic_provider.errors import HandleUsageError, MapFunctionError
from tests.dag_runs import run_dag


@dynamic_task(out=DynamicOut(int))
def keys():
    yield DynamicOutput(1, "a")
    yield DynamicOutput(2, "b")


@task
def ten():
    return 10


@task
def add(left, right):
    return left + right


@task
def listed(values):
    return list(values)


def test_a_task_in_a_mapped_function_runs_once():
    @dag(schedule=None)
    def with_once():
        numbers = keys()
        sums = numbers.map(lambda n: add(add(n, 1), once(add, once(ten), once(ten))))
        nested = numbers.map(lambda n: keys().map(lambda inner: add(inner, once(ten))))
        listed(sums.collect())
        listed.override(task_id="nested")(nested.collect())
        once(ten)

    run = run_dag(with_once())
    assert run.state == "success"
    assert run.xcom("listed") == [22, 23]
    assert run.xcom("nested") == [11, 12, 11, 12]
    assert {
        name: len(run.instances(name)) for name in ("ten", "ten__1", "ten__2", "ten__3")
    } == dict.fromkeys(("ten", "ten__1", "ten__2", "ten__3"), 1)


def test_what_cannot_run_once_is_refused():
    @task_group
    def group(n):
        return add(n, once(ten))

    @dag(schedule=None)
    def refused():
        numbers = keys()
        with pytest.raises(HandleUsageError, match="an item of it was passed straight to a task"):
            numbers.map(lambda n: once(add, n, 1))
        with pytest.raises(
            MapFunctionError, match=r"once\(\) is called in the task group 'group', all of whose"
        ):
            keys().map(group)

    refused()
