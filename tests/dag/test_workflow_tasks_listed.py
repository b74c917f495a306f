"""``tasks=[...]`` in real runs: bodies that call tasks by ways that no name shows."""

from __future__ import annotations

import functools
import logging

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task, task_group

from airflow_dynamic_provider import DynamicOutputsError, dynamic_workflow, map_task
from tests.workflow_runs import run_workflows

LOGGER = "airflow_dynamic_provider.workflows"


@task
def double(value):
    return 2 * value


@task(retries=1)
def negate(value):
    return -value


@task
def total(values):
    return sum(values)


@task_group
def both(value):
    return negate(double(value))


@dynamic_workflow(tasks=[double])
def until_large(value):
    return value if value > 10 else until_large(globals()["STEPS"]["double"](value))


#: A body that looks its tasks up here names none of them.
STEPS = {"double": double, "negate": negate.override(retries=0), "total": total, "both": both}


@dynamic_workflow(
    tasks=[
        double,
        negate,
        total,
        both,
        until_large,
        map_task(double),
        functools.partial(BashOperator, do_xcom_push=True),
    ]
)
def looked_up(names):
    steps = globals()["STEPS"]
    made = [steps[name](number) for number, name in enumerate(names, 1)]
    mapped = map_task(steps["double"])(made[0:1])
    further = globals()["until_large"](made[0])
    shell = globals()["BashOperator"](task_id="shell", bash_command="echo 7", do_xcom_push=True)
    return {
        "made": made,
        "mapped": mapped,
        "sum": steps["total"](made),
        "large": further,
        "shell": shell.output,
    }


@dynamic_workflow(tasks=[double])
def forgets(name):
    return globals()["STEPS"][name](1)


@dynamic_workflow
def guessed(value):
    return double(value)


def run(workflow, *args):
    with DAG("listed", schedule=None) as dag:
        workflow(*args)
    return run_workflows(dag, is_scheduled=True)


def test_a_body_that_looks_up_what_it_calls():
    finished = run(looked_up, ["double", "negate", "both"])
    assert finished.state == "success"
    assert finished.result("looked_up") == {
        "made": [2, -2, -6],
        "mapped": [4],
        "sum": -6,
        "large": 16,
        "shell": "7",
    }
    assert set(finished.node_states("looked_up").values()) == {"success"}
    assert {
        node.task_id.split(".")[1].removesuffix("__after") for node in finished.nodes("looked_up").values()
    } == {*("double", "negate", "total", "until_large", "BashOperator")}


def test_what_is_not_listed_fails_the_planning_task():
    finished = run(forgets, "negate")
    assert finished.state_of("forgets.plan") == "failed"
    assert (
        "the body of a workflow calls 'negate', which is not in tasks=[...] of the workflow 'forgets'. "
        "Add it: tasks=[..., negate]. (test_workflow_tasks_listed.py, line "
    ) in finished.error("forgets.plan")


def test_only_a_guess_is_logged(caplog):
    caplog.set_level(logging.INFO, LOGGER)
    run(forgets, "double")
    assert "Kinds of nodes" not in caplog.text
    run(guessed, 1)
    assert (
        caplog.text.count(
            "Kinds of nodes of 'guessed' that tasks=[...] does not list, found by names in the code:\n"
            "  double: named in guessed (test_workflow_tasks_listed.py, line "
        )
        == 1
    )


def test_a_dag_file_says_it_only_to_those_who_look_for_it(caplog):
    with DAG("quiet", schedule=None):
        guessed(1)
    assert "Kinds of nodes" not in caplog.text
    caplog.set_level(logging.DEBUG, LOGGER)
    with DAG("wordy", schedule=None):
        guessed(1)
    assert caplog.text.count("Kinds of nodes of 'guessed'") == 1


def test_without_the_list_nothing_runs_what_is_looked_up():
    with pytest.raises(DynamicOutputsError, match="the Dag file has no task for 'double'"):
        looked_up.override(tasks=None).local(["double"])
