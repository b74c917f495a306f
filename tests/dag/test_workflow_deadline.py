"""Since when a workflow's time counts, whatever of it is cleared while the run goes on."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.workflows.progress import stored
from tests.dag.tasks import keep
from tests.dag.workflow_clears import command, names, run_again
from tests.dag_runs import start_run

#: The time of each graph, and how long ago all was that ran before something is cleared.
TIMEOUT, AGO = timedelta(hours=1), timedelta(hours=2)

WORLD = SimpleNamespace()


@pytest.fixture(autouse=True)
def _world():
    WORLD.fails, WORLD.parts = {"b"}, ["x", "y"]


@pytest.fixture
def long_ago(mocker):
    """Have everything that is planned be planned long ago, until it is called."""
    pack = stored.pack_nodes
    patch = mocker.patch.object(
        stored, "pack_nodes", lambda nodes, planned_at: pack(nodes, planned_at - AGO.total_seconds())
    )
    return lambda: mocker.stop(patch)


@task
def make(name, *_inputs):
    if name in WORLD.fails:
        raise ValueError("as the test says")
    return name


def node(name, *inputs):
    return make.override(task_id=name)(name, *inputs)


@dynamic_workflow(failure_policy="run_all", timeout=TIMEOUT)
def graph():
    a = node("a")
    b = node("b", a)
    return [node("c", b), later(node("start")), node("aside")]


@dynamic_workflow
def later(_start):
    return [node(name) for name in WORLD.parts]


@dag(schedule=None)
def limited():
    keep(graph())


def start_long_ago():
    """Run, and leave the run as one that began long ago and goes on, since other tasks of it do."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    run = start_run(limited()).run()
    with create_session() as session:
        row = session.get(DagRun, run.dag_run.id)
        row.state, row.end_date, row.start_date = "running", None, datetime.now(timezone.utc) - AGO
    return run


def forget(run, *pairs):
    """Have task instances run again that nobody has cleared."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    for task_id, index in pairs:
        where = (TaskInstance.run_id == run.run_id, TaskInstance.task_id == task_id)
        with create_session() as session:
            again = update(TaskInstance).where(*where, TaskInstance.map_index == index)
            session.execute(again.values(state=None))
    return run


def place(run, name):
    (found,) = (
        (ti.task_id, ti.map_index)
        for ti in run.dag_run.get_task_instances()
        if ti._rendered_map_index == name and ti.state != "removed"
    )
    return found


def test_nodes_that_are_cleared_while_the_run_goes_on_have_the_whole_time_again(long_ago):
    run = start_long_ago()
    WORLD.fails = set()
    command(run, "--state", "failed", "--yes")
    assert names(run, run_again(run)) == {"b", "c", "result", "keep"}
    assert run.xcom("keep") == ["c", ["x", "y"], "aside"]


def test_so_have_the_nodes_that_a_cleared_one_plans(long_ago):
    WORLD.fails = set()
    run = start_long_ago()
    long_ago()
    WORLD.parts = ["z", "x", "w"]
    command(run, "--node", "later", "--yes")
    assert names(run, run_again(run)) >= {"later", "later/z", "later/w"}
    assert run.xcom("keep") == ["c", ["z", "x", "w"], "aside"]


def test_what_was_not_cleared_keeps_its_time(long_ago):
    run = start_long_ago()
    WORLD.fails = set()
    aside = place(run, "aside")
    forget(run, aside)
    command(run, "--state", "failed", "--yes")
    run.run()
    assert run.state_of(*aside) == "failed"
    assert "The workflow 'graph' has taken longer than its timeout of 3600 seconds." in str(run.errors[aside])
    assert run.state_of(*place(run, "c")) == "success"
