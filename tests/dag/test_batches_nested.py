"""Batches below and above other keys: nested, zipped and multiplied."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_task
from tests.dag_runs import run_dag, start_run
from tests.local_runs import run_locally

pytestmark = pytest.mark.dag


@dynamic_task(out=DynamicOut(int))
def produce(count=3, prefix="k"):
    for number in range(count):
        yield DynamicOutput(number, f"{prefix}{number}")


@dynamic_task(out=DynamicOut(int))
def inner(number, fails=()):
    if number in fails:
        raise ValueError(f"{number} is bad")
    for each in range(number + 1):
        yield DynamicOutput(10 * number + each, f"i{each}")


@task
def work(number, fails=()):
    if number in fails:
        raise ValueError(f"{number} is bad")
    return number * 2


@task
def pair(left, right):
    return [left, right]


@task
def keep(values):
    return values


def nested(batch, fails=(), fails_outer=()):
    with DAG("nested", schedule=None) as dag:

        def outer(number):
            below = inner(number, fails_outer)
            results = below.map(lambda each: work(each, fails), batch=batch)
            return results, keep.override(task_id="below")(results.collect(keyed=True, min_success_ratio=0))

        results, below = produce().map(outer)
        keep(results.collect(keyed=True, min_success_ratio=0))
        keep.override(task_id="states")(results.states())
        keep.override(task_id="all")(results.collect())
        keep.override(task_id="belows")(below.collect(keyed=True, min_success_ratio=0))
    return dag


def seen(run):
    names = ("keep", "states", "all", "belows")
    return {
        name: (run.states(name), run.xcom(name) if "success" in run.states(name).values() else None)
        for name in names
    }


FAILING = {"fails": (0, 21), "fails_outer": (1,)}


@pytest.mark.parametrize("failing", [{}, FAILING], ids=str)
def test_batches_below_outer_keys(failing):
    run = run_locally(nested(2, **failing))
    assert seen(run) == seen(run_locally(nested(None, **failing)))
    if not failing:
        assert list(run.states("work")) == [
            "k0/i0",
            "k1/i0 … k1/i1 (2)",
            "k2/i0 … k2/i1 (2)",
            "k2/i2",
        ]


def joined(how, batch):
    with DAG("joined", schedule=None) as dag:
        left = produce()
        right = produce.override(task_id="others")(4).map(work, batch=batch)
        both = left.zip(right, how="outer") if how == "zip" else left.product(right)
        pairs = both.map(pair, batch=batch)
        keep(pairs.collect(keyed=True))
        keep.override(task_id="states")(pairs.states())
        keep.override(task_id="all")(pairs.collect())
        keep.override(task_id="belows")(both.collect(keyed=True))
    return dag


@pytest.mark.parametrize("how", ["zip", "product"])
def test_batches_of_joined_keys(how):
    expected = seen(run_locally(joined(how, None)))
    assert {state for states, _ in expected.values() for state in states.values()} == {"success"}
    assert seen(run_locally(joined(how, 3))) == expected


def test_airflow_runs_the_same():
    assert seen(run_dag(joined("zip", 3))) == seen(run_locally(joined("zip", None)))
    failed = run_dag(nested(2, **FAILING))
    assert failed.state == "failed"
    assert seen(failed) == seen(run_locally(nested(None, **FAILING)))


def test_the_check_before_a_collector_names_the_keys_that_could_not_start():
    with DAG("checked", schedule=None) as dag:
        left = produce()
        doubled = left.map(lambda number: work(number, (1,)))
        both = left.zip(produce.override(task_id="others")(4))
        pairs = both.map(lambda one, other: pair(one, doubled), batch=3)
        keep(pairs.collect())

    run = start_run(dag).run()
    assert run.states("pair") == {"k0 … k2 (3)": "success"}
    assert run.states("keep") == {-1: "upstream_failed"}
    assert str(run.errors["pair__check", -1]) == (
        "1 of 3 keys of 'pair' could not start, because a clone that they need failed: 'k1'. "
        "Clear that clone with its downstream tasks."
    )
