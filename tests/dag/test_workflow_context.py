"""The task's context that bodies and nodes find under ``.local()``."""

from __future__ import annotations

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import get_current_context, task

from airflow_dynamic_provider import dynamic_workflow
from tests.dag.workflow_tasks import add

# What is compared: that it is there, and of which kind.
ASKED = ("ti", "params", "run_id", "ds", "ts", "logical_date", "try_number", "map_index_template", "dag_run")


def _kinds(context):
    return {
        name: context[name] is not None for name in ASKED if name not in ("dag_run", "map_index_template")
    }


THERE = dict.fromkeys([name for name in ASKED if name not in ("dag_run", "map_index_template")], True)
EXPECTED = ([[1, {}, 10, True], THERE, THERE], [10, [2, True, [2, 10]]])


@task
def asks(number, ti=None, params=None, ds=None):
    ti.xcom_push("pushed", number)
    return [number, dict(params), len(ds), ti.map_index >= -1]


@task
def current():
    context = get_current_context()
    context["ti"].xcom_push(key="pushed", value=1)
    return _kinds(context)


@task
def any_keywords(**context):
    return _kinds(context)


def classic(ds, number):
    return [number, len(ds)]


@dynamic_workflow
def body_asks(number, params=None, ti=None, ds=None, run_id=None):
    assert get_current_context()["ti"] is ti
    assert run_id
    assert number not in params
    ti.xcom_push("pushed", number)
    return inner(number), [len(ds), later(add(number))]


@dynamic_workflow
def inner(number, ti):
    """It asks for its context without a default."""
    assert ti.task_id.endswith("plan") or "later" in ti.task_id
    return [asks(number), current(), any_keywords()]


@dynamic_workflow
def later(number, ti=None):
    """Planned in the task of a node, whose context it gets."""
    assert ti.xcom_pull(key="nothing") is None
    return [
        number,
        ti is not None,
        PythonOperator(
            task_id="classic", python_callable=classic, op_args=[], op_kwargs={"number": number}
        ).output,
    ]


def test_a_body_and_its_nodes_find_their_context_locally():
    assert body_asks.local(1) == EXPECTED


def test_what_a_call_gives_wins_over_the_context():
    assert inner_given.local(2) == 2


@dynamic_workflow
def inner_given(number):
    return given(params=number)


@dynamic_workflow
def given(params):
    return params
