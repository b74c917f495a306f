"""The error of a collector says why its first failed keys failed, in single clones and in batches."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from tests.dag_runs import start_run

pytestmark = pytest.mark.dag

LONG = "x" * 500


@task.dynamic(out=DynamicOut(int))
def numbers():
    for number in range(6):
        yield DynamicOutput(number, f"k{number}")


@task
def work(number):
    if number:
        raise ValueError(f"{number} is bad\nsecond line" if number < 3 else LONG)
    return number


@task
def keep(values):
    return values


@dag(schedule=None)
def explained():
    produced = numbers()
    after = produced.map(work).map(keep.override(task_id="next"))
    keep.override(task_id="of_next")(after.collect(min_success_ratio=0.5))
    batched = produced.map(work.override(task_id="batched"), batch=4)
    keep.override(task_id="of_batched")(batched.collect(min_success_ratio=0.5))


def test_a_collector_names_the_errors_of_its_first_failed_keys():
    run = start_run(explained()).run()
    cut = f"ValueError: {LONG}"[:198]
    why = f"'k1': ValueError: 1 is bad; 'k2': ValueError: 2 is bad; 'k3': {cut} \N{HORIZONTAL ELLIPSIS}"
    failed = "5 of 6 keys failed: 'k1', 'k2', 'k3', 'k4', 'k5'; min_success_ratio=0.5 allows 3"
    # Its own task did not run. The clone upstream of it has the error.
    for collector, task_id in (("of_next", "next"), ("of_batched", "batched")):
        assert str(run.errors[collector, -1]) == (
            f"Task {task_id!r}, output 'result': {failed}. {why}. "
            "Clear the failed clones with their downstream tasks."
        )
