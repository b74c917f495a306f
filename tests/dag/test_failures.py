"""The errors of failed task instances are stored, and shown with the key, the node or the output."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_workflow
from airflow_dynamic_provider.database.keys import read_keys
from airflow_dynamic_provider.database.matrix import Matrix, Query
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.database.workflow_view import look_at_workflow
from airflow_dynamic_provider.execution.failures import MOST_CHARACTERS, StoredFailure, failure_of
from airflow_dynamic_provider.execution.layout import FAILURE_XCOM
from tests.dag_runs import run_dag, start_run

CALLED = []


@task.dynamic(out=DynamicOut(int))
def numbers(is_broken=False):
    if is_broken:
        raise OSError("no disk")
    for number in (1, 2, 3):
        yield DynamicOutput(number, mapping_key=f"number {number}")


def note(context):
    CALLED.append((context["ti"].task_id, context["ti"].map_index, str(context["exception"])))


@task(on_failure_callback=note)
def halve(number):
    if number % 2 == 0:
        raise ValueError(f"{number} is even\nand that is bad")
    return number / 2


@task
def pass_on(value):
    return value


@dag(schedule=None)
def with_errors():
    numbers().map(halve).map(pass_on)
    numbers.override(task_id="broken")(True).map(pass_on.override(task_id="unreached"))


@pytest.fixture(scope="module")
def finished():
    CALLED.clear()
    return run_dag(with_errors())


def opened(session, run):
    return open_run(session, run.dag.dag_id, run.run_id)


@pytest.fixture
def session():
    from airflow_dynamic_provider.airflow_adapter.models import create_session

    with create_session() as made:
        yield made


def test_a_failed_key_and_the_keys_behind_it_say_why(finished, session):
    run = opened(session, finished)
    rows = Matrix(run.source, run.space("numbers.result")).page(Query()).rows
    told = {row.key_path[0]: {name: (c.error, c.reason) for name, c in row.cells.items()} for row in rows}
    error = "ValueError: 2 is even\nand that is bad"
    nothing = {"halve": (None, None), "pass_on": (None, None)}
    assert told == {
        "number 1": nothing,
        "number 2": {"halve": (error, None), "pass_on": (None, f"because 'halve' failed: {error}")},
        "number 3": nothing,
    }


def test_the_callbacks_of_the_author_are_called_too(finished):
    assert CALLED == [("halve", 1, "2 is even\nand that is bad")]


def test_what_failed_before_the_keys_were_listed_says_why(finished, session):
    run = opened(session, finished)
    message = read_keys(run.source, run.space("broken.result")).message
    assert message == "There are no keys because 'broken' is failed: OSError: no disk"


@pytest.mark.parametrize(
    "stored",
    [
        {"attempt": 2},  # of another try
        {"version": 99},  # of a later release
        {"type": None, "message": None, "attempt": "first"},  # not in this form
    ],
)
def test_what_is_stored_of_another_try_or_in_another_form_is_not_shown(finished, session, stored):
    from sqlalchemy import select

    from airflow_dynamic_provider.airflow_adapter.models import XComModel

    row = session.scalar(
        select(XComModel).where(
            XComModel.dag_id == "with_errors", XComModel.key == FAILURE_XCOM, XComModel.task_id == "halve"
        )
    )
    before = row.value
    row.value = {**before, **stored}
    session.flush()
    run = opened(session, finished)
    matrix = Matrix(run.source, run.space("numbers.result"))
    cells = {name: (c.error, c.reason) for name, c in matrix.rows([1])[0].cells.items()}
    assert cells == {"halve": (None, None), "pass_on": (None, "because 'halve' failed")}
    session.rollback()


def test_an_error_is_gone_after_a_try_that_succeeds(session):
    tries = []

    @task(retries=1, retry_delay=0)
    def succeed_later(number):
        tries.append(number)
        if len(tries) == 1:
            raise ValueError("first try")
        return number

    @task.dynamic(out=DynamicOut(int))
    def one():
        yield DynamicOutput(1, mapping_key="one")

    @dag(schedule=None)
    def repaired():
        one().map(succeed_later)

    kept = start_run(repaired()).run()
    assert kept.state == "success"
    assert tries == [1, 1]
    run = open_run(session, "repaired", kept.run_id)
    (row,) = Matrix(run.source, run.space("one.result")).page(Query()).rows
    assert row.cells["succeed_later"].error is None
    assert run.source.pull("succeed_later", FAILURE_XCOM, 0) is None


def test_a_failed_node_and_the_failed_plan_say_why(session):
    @task
    def work(number):
        raise ValueError(f"no work with {number}")

    @dynamic_workflow
    def training():
        return work(1)

    @dynamic_workflow
    def unplanned():
        raise ValueError("no plan")

    @dag(schedule=None)
    def workflows_with_errors():
        training()
        unplanned()

    run = opened(session, run_dag(workflows_with_errors()))
    (node,) = look_at_workflow(run, "training").nodes(())
    assert (node.state, node.reason) == ("failed", "ValueError: no work with 1")
    assert look_at_workflow(run, "unplanned").message == (
        "There are no nodes because 'unplanned.plan' is failed and has not stored a plan: ValueError: no plan"
    )


def test_an_error_is_stored_without_secrets_and_not_without_end():
    from airflow.sdk.log import mask_secret

    mask_secret("hidden-word")
    try:
        raise ValueError("the password is hidden-word " + "x" * 9000)
    except ValueError as error:
        stored = json.dumps(StoredFailure(failure_of(error), 1).pack())
    assert "hidden-word" not in stored
    assert "***" in stored
    assert len(stored) < 2.5 * MOST_CHARACTERS
    assert stored.count("characters are in the task's log") == 2
