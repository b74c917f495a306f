"""The decorator: its options, and the attributes of the decorated function."""

from __future__ import annotations

import contextvars
import inspect
import threading
from datetime import timedelta

import pytest
from airflow.sdk import DAG, XComArg, task

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.errors import WorkflowError
from tests.pure.refusals import refused

pytestmark = pytest.mark.pure


@task
def work(value=None):
    return value


def test_with_and_without_parentheses():
    @dynamic_workflow
    def bare(count: int, name="x") -> int:
        """Do it."""
        return count

    @dynamic_workflow(task_id="named", retries=2, max_nodes=5, failure_policy="run_all", timeout=60)
    def given(): ...

    assert (bare.name, bare.__doc__, bare.__name__) == ("bare", "Do it.", "bare")
    assert list(inspect.signature(bare).parameters) == ["count", "name"]
    assert (bare.max_nodes, bare.failure_policy, bare.timeout, bare.settings) == (1000, "fail_fast", None, {})
    assert (given.name, given.max_nodes, given.failure_policy) == ("named", 5, "run_all")
    assert given.timeout == timedelta(minutes=1)
    assert given.settings == {"task_id": "named", "retries": 2}


def test_override_keeps_what_it_does_not_name():
    @dynamic_workflow(node_dependency_hints=[work], max_nodes=5, timeout=timedelta(1), pool="p")
    def flow(): ...

    other = flow.override(task_id="other", failure_policy="run_all")
    assert (other.name, other.failure_policy, other.settings) == (
        "other",
        "run_all",
        {"pool": "p", "task_id": "other"},
    )
    assert (other.max_nodes, other.timeout, other.node_dependency_hints) == (5, timedelta(1), (work,))
    assert other.function is flow.function
    assert flow.name == "flow"


def generator():
    yield 1


async def coroutine(): ...


async def async_generator():
    yield 1


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (generator, "the workflow 'generator' is a generator function"),
        (async_generator, "the workflow 'async_generator' is a generator function"),
        (coroutine, "the workflow 'coroutine' is async"),
        (work, "@dynamic_workflow decorates a function"),
        (3, "@dynamic_workflow decorates a function, received 3"),
    ],
)
def test_what_cannot_be_a_body(function, message):
    with refused(WorkflowError, message):
        dynamic_workflow(function)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"failure_policy": "fail"}, "failure_policy must be 'fail_fast' or 'run_all', received 'fail'"),
        ({"max_nodes": 0}, "max_nodes must be a whole number of at least 1, received 0"),
        ({"max_nodes": True}, "max_nodes must be a whole number"),
        ({"max_nodes": 1.5}, "max_nodes must be a whole number"),
        ({"timeout": 0}, "timeout must be a timedelta or a number of seconds above 0"),
        ({"timeout": "1h"}, "timeout must be a timedelta"),
        ({"timeout": timedelta(-1)}, "timeout must be a timedelta"),
        ({"timeout": True}, "timeout must be a timedelta"),
        ({"node_dependency_hints": work}, "node_dependency_hints must be a list"),
        ({"multiple_outputs": True}, "does not take multiple_outputs="),
        ({"do_xcom_push": False}, "does not take do_xcom_push="),
    ],
)
def test_options_that_are_refused(options, message):
    with refused(WorkflowError, message) as caught:
        dynamic_workflow(**options)(lambda: None)
    assert "test_workflow_definition.py, line" in str(caught.value)


def test_a_body_that_returns_against_its_annotation():
    def body() -> None:
        return work()

    with refused(WorkflowError, "is annotated with -> None but returns a value"):
        dynamic_workflow(body).plan({})


def test_a_refused_return_value_names_the_function():
    @dynamic_workflow
    def flow():
        work()
        return range(3)

    with refused(WorkflowError, "a range is passed on or returned") as caught:
        flow.plan({})
    line = inspect.getsourcelines(flow.function)[1] + 1
    assert caught.value.line == f"test_workflow_definition.py, line {line}: def flow():"


def test_other_threads_and_dags_see_airflow_as_it_is():
    seen = []

    def elsewhere():
        with DAG("elsewhere", schedule=None):
            seen.append(work(1))

    def body():
        thread = threading.Thread(target=contextvars.Context().run, args=(elsewhere,))
        thread.start()
        thread.join()
        return work(2)

    assert dynamic_workflow(body).local() == 2
    assert isinstance(seen[0], XComArg)


def test_a_workflow_run_in_the_middle_of_a_dag_adds_nothing_to_it():
    from airflow.providers.standard.operators.empty import EmptyOperator

    with DAG("around", schedule=None) as dag:
        dynamic_workflow(lambda: EmptyOperator(task_id="inside").output).plan({})
    assert dag.task_ids == []
