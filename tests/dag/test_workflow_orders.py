"""An order without data on a workflow: everything in it waits, and is skipped or fails to start with it."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from airflow.sdk import DAG, Label, TaskGroup, chain, chain_linear, cross_downstream, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_workflow, map_task
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import keep
from tests.dag.workflow_tasks import t1
from tests.workflow_runs import run_workflows

BODIES: list[str] = []


class Parts(NamedTuple):
    first: str
    second: int


@dynamic_workflow
def ordered() -> Parts:
    BODIES.append("ordered")
    return Parts(t1(1), 2)


@dynamic_workflow
def second():
    BODIES.append("second")
    return map_task(t1)([1, 2])


@dynamic_workflow
def per_key(number):
    BODIES.append("per_key")
    return t1(number)


@task
def start():
    BODIES.append("start")


@task
def other_start():
    BODIES.append("other_start")


@task
def skipped():
    raise AirflowSkipException("not today")


@task
def broken():
    raise ValueError("broken")


@task.dynamic(out=DynamicOut(int))
def numbers():
    for number in (1, 2):
        yield DynamicOutput(number, mapping_key=f"n{number}")


def _before(before, workflow):
    before >> workflow


def _after(before, workflow):
    workflow << before


def _in_list(before, workflow):
    [before] >> workflow


def _before_list(before, workflow):
    before >> [workflow]


def _chained(before, workflow):
    chain(before, workflow)


def _chained_linear(before, workflow):
    chain_linear(before, workflow)


def _crossed(before, workflow):
    cross_downstream([before], [workflow])


def _labelled(before, workflow):
    before >> Label("then") >> workflow


def _labelled_back(before, workflow):
    workflow << Label("then") << before


def _set_upstream(before, workflow):
    workflow.set_upstream(before)


def _set_downstream(before, workflow):
    before.set_downstream(workflow)


def _field(before, workflow):
    before >> workflow["second"]


def _unpacked(before, workflow):
    _first, second = workflow
    chain(before, second)


@pytest.mark.parametrize(
    "order",
    [
        _before,
        _after,
        _in_list,
        _before_list,
        _chained,
        _chained_linear,
        _crossed,
        _labelled,
        _labelled_back,
        _set_upstream,
        _set_downstream,
        _field,
        _unpacked,
    ],
    ids=lambda order: order.__name__,
)
def test_the_plan_waits_however_the_order_is_written(order):
    with DAG("written", schedule=None) as dag:
        order(start(), ordered())
    assert dag.get_task("ordered.plan").upstream_task_ids == {"start"}
    assert "start" not in dag.get_task("ordered.result").upstream_task_ids


def test_what_comes_after_a_workflow_waits_for_its_result():
    with DAG("after", schedule=None) as dag:
        ordered() >> start()
    assert dag.get_task("start").upstream_task_ids == {"ordered.result"}


def test_a_label_stands_at_the_edge_to_the_plan():
    with DAG("labelled", schedule=None) as dag:
        start() >> Label("then") >> ordered()
    assert dag.get_edge_info("start", "ordered.plan") == {"label": "then"}


def test_the_parts_of_an_output_can_still_be_passed_on():
    with DAG("passed", schedule=None) as dag:
        first, _second = ordered()
        keep(first)
    assert dag.get_task("keep").upstream_task_ids == {"ordered.result"}


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    BODIES.clear()
    with DAG("orders", schedule=None) as dag:
        begun, also = start(), other_start()
        chain([begun, also], ordered(), second())
    return run_workflows(dag, is_scheduled=True)


def test_a_body_runs_after_what_stands_before_it(run):
    assert run.state == "success"
    assert BODIES[2:] == ["ordered", "second"]
    assert {*BODIES[:2]} == {"start", "other_start"}
    assert run.result("second") == ["fast-1", "fast-2"]


@pytest.mark.parametrize(("before", "state"), [(skipped, "skipped"), (broken, "upstream_failed")])
def test_a_workflow_is_skipped_or_not_started_with_what_stands_before_it(
    airflow_database, execution_api, before, state
):
    BODIES.clear()
    with DAG("stopped", schedule=None) as dag:
        chain(before(), ordered())
        before.override(task_id="before_second")() >> ordered.override(task_id="ordered_too")()
        with TaskGroup("group") as group:
            second()
        before.override(task_id="before_group")() >> group
        found = numbers().map(per_key)
        before.override(task_id="before_map")() >> found
    run = run_workflows(dag)
    assert BODIES == []
    states = {ti.task_id: str(ti.state) for ti in run.dag_run.get_task_instances()}
    # Of a map, the nodes of all keys are listed together, whatever became of some keys: here, none are.
    assert states["per_key.plan"] == state
    whole = {task_id: states[task_id] for task_id in states if task_id.startswith(("ordered", "group"))}
    results = {task_id for task_id in whole if task_id.endswith(".result")}
    assert {whole[task_id] for task_id in whole.keys() - results} == {state}
    # The last task of a workflow says why there is no output, where it would not be started otherwise.
    assert {whole[task_id] for task_id in results} == {"skipped" if state == "skipped" else "failed"}


def test_a_workflow_in_a_map_waits_key_by_key(airflow_database, execution_api):
    BODIES.clear()

    @task
    def picky(number):
        if number == 1:
            raise AirflowSkipException("not this one")

    def body(number):
        done = per_key(number)
        picky(number) >> done
        return done

    with DAG("mapped_orders", schedule=None) as dag:
        found = numbers().map(body)
        keep(found.collect(keyed=True))
        start() >> found
    run = run_workflows(dag)
    assert run.state == "success"
    assert BODIES == ["start", "per_key"]
    assert run.xcom("keep") == {"n2": "fast-2"}
