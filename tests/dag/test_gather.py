"""gather(): the outputs that there are, as one list."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Out, Output, dynamic_task, gather
from airflow_dynamic_provider.errors import HandleUsageError
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag_runs import run_dag


@task
def one():
    return 1


@task
def nothing_to_do():
    raise AirflowSkipException


@task
def none():
    return None


@task
def listed(values):
    return values


@task
def both(values, other):
    return [values, other]


@dynamic_task(out=Out(int, is_required=False))
def absent():
    return []


@dynamic_task(out=DynamicOut(int))
def keys():
    yield DynamicOutput(1, "a")
    yield DynamicOutput(2, "b")


@dynamic_task(out=Out(int, is_required=False))
def never(value):
    if value > 5:
        yield Output(value)


def test_what_was_skipped_is_left_out():
    @dag(schedule=None)
    def gathering():
        listed.override(task_id="some")(gather(one(), nothing_to_do(), none(), absent()))
        listed.override(task_id="nothing")(gather(nothing_to_do(), absent()))
        both(gather(one(), one()), nothing_to_do())
        skipped = keys().map(never)
        listed.override(task_id="empty")(skipped.collect())
        listed.override(task_id="skipped")(skipped.collect(skip_if_all_skipped=True))

    run = run_dag(gathering())
    assert run.xcom("some") == [1, None]
    assert {name: run.state_of(name) for name in ("nothing", "both", "empty", "skipped")} == {
        "nothing": "skipped",
        "both": "skipped",
        "empty": "success",
        "skipped": "skipped",
    }
    assert run.xcom("empty") == []


def test_what_is_no_output_of_one_task_is_refused():
    with pytest.raises(HandleUsageError, match=r"^gather\(\) received no outputs\. Pass outputs of tasks\."):
        gather()
    with pytest.raises(HandleUsageError, match=r"^gather\(\) received 3 of type int\. Pass outputs of"):
        gather(3)

    @dag(schedule=None)
    def refused():
        with pytest.raises(HandleUsageError, match=r"a value for each key\. Use handle\.collect\(\)"):
            gather(one(), keys())
        with pytest.raises(HandleUsageError, match=r"gather\(\) was used as a truth value"):
            bool(gather(one()))

    refused()
