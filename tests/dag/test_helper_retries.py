"""The tasks that the package adds survive what the author's tasks with retries survive."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from airflow.sdk import BaseOperator, dag, get_current_context, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_workflow
from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.execution import helpers
from airflow_dynamic_provider.execution.helpers import HelperOperator
from tests.dag.tasks import keep, pair
from tests.dag_runs import start_run

AUTHORS = timedelta(minutes=7)

#: What the package calls the tasks that it adds.
KINDS = {"keys", "done", "gate", "nodes", "listed", "gather", "result"}


@task.dynamic(out=DynamicOut(int))
def numbers():
    for key, number in {"a": 1, "b": 2}.items():
        yield DynamicOutput(number, key)


@task.dynamic(out=DynamicOut(int))
def others():
    yield DynamicOutput(1, "a")


@task.dynamic(out=DynamicOut(int))
def below(number):
    yield DynamicOutput(number, "x")


@task
def same(value):
    return value


@dynamic_workflow
def repeated(value):
    return same(same(value))


@dynamic_workflow
def grown(value):
    return repeated(same(value))


def everything(**default_args):
    """A Dag with each kind of task that the package adds."""

    @dag(schedule=None, default_args=default_args)
    def all_kinds():
        outer = numbers()
        inner = outer.map(below)
        keep(inner.map(same).zip(outer.map(below).map(same)).map(pair).collect())
        keep(outer.map(repeated).collect())
        keep(repeated(1))
        keep(grown(1))

    return all_kinds()


def added(built) -> dict[str, BaseOperator]:
    """The tasks that the package adds and that run on a worker."""
    own = {task_id: each for task_id, each in built.task_dict.items() if isinstance(each, HelperOperator)}
    assert {each.custom_operator_name for each in own.values()} == KINDS - {"done"}
    return own


@pytest.mark.parametrize(
    ("default_args", "expected"),
    [
        ({}, (helpers.RETRIES, helpers.RETRY_DELAY)),
        ({"retries": 1, "retry_delay": AUTHORS}, (helpers.RETRIES, AUTHORS)),
        ({"retries": 9, "retry_delay": AUTHORS}, (9, AUTHORS)),
        ({"execution_timeout": timedelta(seconds=1)}, (helpers.RETRIES, helpers.RETRY_DELAY)),
    ],
)
def test_they_have_retries_of_their_own_and_the_authors_where_those_are_more(default_args, expected):
    tasks = added(everything(**default_args))
    found = {task_id: (each.retries, each.retry_delay) for task_id, each in tasks.items()}
    assert found == dict.fromkeys(tasks, expected)
    assert {each.execution_timeout for each in tasks.values()} == {None}


def test_nothing_that_the_package_adds_runs_on_a_worker_without_them():
    helpers_of_all_kinds = [
        each for each in everything().task_dict.values() if getattr(each, "custom_operator_name", "") in KINDS
    ]
    assert not [each for each in helpers_of_all_kinds if not each.retries and not is_empty(each)]


def is_empty(operator) -> bool:
    """Whether the scheduler ends it by itself."""
    return operator.inherits_from_empty_operator


VICTIMS = {
    "below__keys": lambda: numbers().map(below).collect(),
    "pair__gate": lambda: numbers().map(same).zip(others()).map(pair).collect(),
    "repeated.result": lambda: repeated(1),
}


@pytest.mark.parametrize("victim", VICTIMS)
def test_one_that_loses_airflow_once_is_tried_again(monkeypatch, victim):
    monkeypatch.setattr(helpers, "RETRY_DELAY", timedelta(0))
    lost = []
    read_states = xcom.read_states_of_run

    def lose_once(*arguments):
        # A trigger has no context.
        with contextlib.suppress(RuntimeError):
            ti = get_current_context()["ti"]
            if ti.task_id == victim and not lost:
                lost.append(ti.map_index)
                raise ConnectionError("Airflow has gone")
        return read_states(*arguments)

    @dag(schedule=None)
    def one_kind():
        keep(VICTIMS[victim]())

    monkeypatch.setattr(xcom, "read_states_of_run", lose_once)
    run = start_run(one_kind()).run()
    assert run.state == "success"
    assert [run.tries()[victim, map_index] for map_index in lost] == [2]


def test_what_the_package_refuses_is_not_tried_again():
    @dag(schedule=None)
    def strict():
        keep(numbers().zip(others(), how="strict").collect())

    run = start_run(strict()).run()
    (refused,) = run.instances("numbers_zip_others__keys").values()
    assert (refused.state, refused.try_number) == ("failed", 1)
