"""The task's context, in bodies and in nodes: ``.local()`` gives one as a run does."""

from __future__ import annotations

from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.sdk import DAG, get_current_context, task

from airflow_dynamic_provider import dynamic_workflow
from tests.dag.tasks import keep
from tests.dag.workflow_tasks import add
from tests.workflow_runs import run_workflows

ASKED = ("ti", "task_instance", "params", "run_id", "ds", "ts", "logical_date")


def _found(context):
    return [name for name in ASKED if context[name] is not None]


@task
def asks(number, ti=None, params=None, ds=None):
    ti.xcom_push("pushed", number)
    return [number, dict(params), len(ds), ti.map_index >= -1]


@task
def current():
    context = get_current_context()
    context["ti"].xcom_push(key="pushed", value=1)
    return _found(context)


@task
def any_keywords(**context):
    return _found(context)


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


def test_a_body_and_its_nodes_find_their_context_in_a_run_and_locally(airflow_database, execution_api):
    with DAG("contexts", schedule=None) as dag:
        keep(body_asks(1))
    run = run_workflows(dag)
    assert run.state == "success"
    there = list(ASKED)
    expected = ([[1, {}, 10, True], there, there], [10, [2, True, [2, 10]]])
    assert run.result("body_asks") == expected
    assert body_asks.local(1) == expected


def test_what_a_call_gives_wins_over_the_context():
    assert inner_given.local(2) == 2


@dynamic_workflow
def inner_given(number):
    return given(params=number)


@dynamic_workflow
def given(params):
    return params


ASKED_FOR = []


def is_there(number):
    ASKED_FOR.append(number)
    return len(ASKED_FOR) > 1


@dynamic_workflow
def waits_for(number):
    made = add(number)
    sensor = PythonSensor(
        task_id="sensor", python_callable=is_there, op_args=[made], mode="reschedule", poke_interval=0.1
    )
    after = add(made)
    sensor >> after
    return after


def test_a_sensor_is_a_node_that_looks_again():
    with DAG("sensing", schedule=None) as dag:
        keep(waits_for(1))
    run = run_workflows(dag, is_scheduled=True)
    assert run.state == "success"
    assert run.xcom("keep") == 3
    assert ASKED_FOR == [2, 2]
