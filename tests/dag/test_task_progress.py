"""How far the keys of each task of a run are, single or in batches, and what the estimate is made of."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.database.task_progress import read_progress, watched_matrix
from tests.dag_runs import start_run

pytestmark = pytest.mark.dag


@task.dynamic(out=DynamicOut(int))
def numbers():
    for number in range(5):
        yield DynamicOutput(number, f"k{number}")


@task
def work(number):
    if number == 1:
        raise ValueError("bad")
    return number


@dag(schedule=None)
def watched():
    produced = numbers()
    produced.map(work.override(task_id="single")).map(work.override(task_id="after"))
    produced.map(work.override(task_id="batched"), batch=2)


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    return start_run(watched()).run()


@pytest.fixture
def opened(run):
    from airflow.utils.session import create_session

    with create_session() as session:
        yield open_run(session, run.dag.dag_id, run.run_id)
        session.rollback()


def read(opened, now=None):
    return read_progress(opened, watched_matrix(opened, opened.space("numbers.result")), now)


def test_the_tasks_of_a_run_that_is_over_have_counts_and_no_estimate(opened):
    found = read(opened)
    assert list(found) == opened.space("numbers.result").task_ids
    assert {task_id: progress.summary for task_id, progress in found.items()} == {
        "single": "4 of 5 done, 1 failed",
        "after": "4 of 5 done, 1 failed",
        "batched": "4 of 5 done, 1 failed",
    }
    assert {progress.estimate for progress in found.values()} == {None}


def test_a_running_task_is_as_fast_as_its_keys_of_this_start_of_the_run(opened):
    from airflow.models import TaskInstance

    instances = {
        (ti.task_id, ti.map_index): ti
        for ti in opened.session.query(TaskInstance).filter_by(run_id=opened.run_id).all()
    }
    started = opened.dag_run.start_date
    opened.dag_run.state = "running"
    opened.dag_run.start_date = started
    instances["single", 3].state = "running"
    instances["single", 4].state = None
    # The last batch has one key. It runs, and has stored nothing.
    instances["batched", 2].state = "queued"
    opened.session.flush()
    began = max(instances["single", 0].start_date, instances["batched", 0].start_date)
    found = read(opened, began + timedelta(hours=1))
    assert found["single"].summary == "2 of 5 done, 1 failed, 1 running, 1 waiting"
    assert found["single"].pace.basis == "from 3 keys done in 1 h"
    assert found["single"].left == "about 40 min left"
    assert found["batched"].summary == "3 of 5 done, 1 failed, 1 waiting"
    assert found["batched"].pace.basis == "from 4 keys done in 1 h"
    assert found["after"].pace is None or found["after"].left is None
    # After a clear, Airflow starts the run again. What ended before says nothing about now.
    opened.dag_run.start_date = began + timedelta(minutes=30)
    assert {progress.estimate for progress in read(opened, began + timedelta(hours=1)).values()} == {None}
