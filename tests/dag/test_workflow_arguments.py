"""Every argument that a decorated task may have, as the setting of a node; and those that are refused."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from airflow.sdk import DAG, TaskGroup, TriggerRule, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_workflow, map_task
from airflow_dynamic_provider.errors import WorkflowCallError, WorkflowError
from tests.dag.tasks import keep, pair
from tests.dag.workflow_tasks import square
from tests.pure.refusals import refused
from tests.workflow_runs import run_workflows

LONG_AGO = datetime(2020, 1, 1, tzinfo=timezone.utc)

# Of each, a value that it may have.
ARGUMENTS = {
    "allow_nested_operators": False,
    "default_args": {"owner": "them"},
    "depends_on_past": True,
    "do_xcom_push": True,
    "doc": "text",
    "doc_json": "{}",
    "doc_md": "# text",
    "doc_rst": "text",
    "doc_yaml": "text: 1",
    "email": "me@example.com",
    "email_on_failure": False,
    "email_on_retry": False,
    "end_date": datetime(2100, 1, 1, tzinfo=timezone.utc),
    "execution_timeout": timedelta(hours=1),
    "executor_config": {"a": 1},
    "ignore_first_depends_on_past": True,
    "inlets": [],
    "max_active_tis_per_dag": 3,
    "max_active_tis_per_dagrun": 3,
    "max_retry_delay": timedelta(hours=1),
    "multiple_outputs": False,
    "on_failure_fail_dagrun": False,
    "outlets": [],
    "owner": "me",
    "params": {"p": 1},
    "priority_weight": 3,
    "queue": "other",
    "retries": 1,
    "retry_delay": 1,
    "retry_exponential_backoff": True,
    "show_return_value_in_logs": False,
    "start_date": LONG_AGO,
    "task_display_name": "shown",
    "templates_dict": {"a": "{{ 7 * 7 }}"},
    "templates_exts": [".sql"],
    "trigger_rule": "all_done",
    "wait_for_downstream": False,
    "wait_for_past_depends_before_skipping": False,
    "weight_rule": "upstream",
}


def _named(name):
    def work(value):
        return value

    work.__name__ = f"with_{name}"
    return task(**{name: ARGUMENTS[name]})(work)


TASKS = {name: _named(name) for name in ARGUMENTS}

#: Those by which Airflow decides when a task instance starts, what it is given and how it ends.
RUNNING = (
    "depends_on_past",
    "do_xcom_push",
    "end_date",
    "execution_timeout",
    "max_active_tis_per_dagrun",
    "multiple_outputs",
    "on_failure_fail_dagrun",
    "params",
    "queue",
    "retries",
    "start_date",
    "templates_dict",
    "trigger_rule",
    "wait_for_downstream",
)


@task.dynamic(out=DynamicOut(int))
def numbers():
    for number in (1, 2):
        yield DynamicOutput(number, mapping_key=f"n{number}")


@task
def negative(number):
    return -number


@task(on_failure_fail_dagrun=True)
def only_for_teardowns():
    return 1


@task(retrys=3)
def misspelt(number):
    return number


@dynamic_workflow(node_dependency_hints=list(TASKS.values()))
def with_every_argument():
    return {name: TASKS[name](index) for index, name in enumerate(TASKS)}


RUNNING_TASKS = {name: TASKS[name] for name in RUNNING}


@dynamic_workflow(node_dependency_hints=list(RUNNING_TASKS.values()))
def with_what_matters():
    return {name: each(index) for index, (name, each) in enumerate(RUNNING_TASKS.items())}


@dynamic_workflow
def with_misspelt(number):
    return misspelt(number)


@dynamic_workflow
def maps_misspelt(numbers):
    return map_task(misspelt)(numbers)


@dynamic_workflow
def overrides_misspelt(number):
    return square.override(queu="big")(number)


@dynamic_workflow
def fails_the_run():
    return only_for_teardowns()


@dynamic_workflow
def grows(number):
    return map_task(square)([square(number), number])


@pytest.mark.parametrize(
    ("workflow", "argument", "said"),
    [
        (with_misspelt, 1, "'misspelt' cannot become a task, because Airflow refuses it: (?s:.*)retrys"),
        (maps_misspelt, [1], "'misspelt' cannot become a task, because Airflow refuses it: (?s:.*)retrys"),
        (overrides_misspelt, 1, "'square' cannot become a task, because Airflow refuses it: (?s:.*)queu"),
    ],
)
def test_a_setting_that_airflow_does_not_know_is_refused_while_the_body_runs(workflow, argument, said):
    with pytest.raises(WorkflowCallError, match=said):
        workflow.local(argument)


def test_a_node_is_no_teardown():
    with refused(WorkflowCallError, "'only_for_teardowns' is given on_failure_fail_dagrun=True"):
        fails_the_run.local()


def test_a_workflow_does_not_take_a_setting_that_no_task_has():
    with refused(WorkflowError, "does not know the argument retrys=. Did you mean retries=?"):
        dynamic_workflow(retrys=3)(lambda: None)


def test_a_body_is_tried_without_a_trace_in_the_dag_file():
    with DAG("beside", schedule=None) as dag, TaskGroup("group"):
        assert grows.local(2) == [16, 4]
        assert with_every_argument.local()["owner"] == 23
    assert dag.task_ids == []


def test_a_node_runs_whatever_argument_its_task_has():
    # The id is of this test alone: one that depends on the past would wait for runs of others.
    with DAG("arguments_of_nodes", schedule=None, start_date=LONG_AGO) as dag:
        keep(with_what_matters())
    run = run_workflows(dag, is_scheduled=True)
    assert run.state == "success"
    assert run.xcom("keep") == {name: index for index, name in enumerate(RUNNING)}


def test_a_dag_that_fails_fast_takes_workflows_and_joins():
    with DAG("fast", schedule=None, fail_fast=True) as dag:
        keep(grows(3))
        found = numbers()
        joined = found.map(square).zip(found.map(negative)).map(pair)
        keep.override(task_id="keep_joined")(joined.collect(keyed=True))
        per_key = found.map(grows.override(task_id="per_key"))
        keep.override(task_id="keep_per_key")(per_key.collect(min_success_ratio=0.5, keyed=True))
    assert dag.get_task("grows.result").trigger_rule == TriggerRule.ALL_DONE
    run = run_workflows(dag, is_scheduled=True)
    assert run.state == "success"
    assert run.xcom("keep") == [81, 9]
    assert run.xcom("keep_joined") == {"n1": [1, -1], "n2": [4, -2]}
    assert run.xcom("keep_per_key") == {"n1": [1, 1], "n2": [16, 4]}
