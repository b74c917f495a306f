"""Nodes and planning tasks of workflows that a person marks as success although they failed or never ran."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task

from airflow_dynamic_provider import dynamic_workflow, map_task
from tests.dag.workflow_clears import command, place_of, told
from tests.dag.workflow_tasks import add
from tests.dag_runs import start_run


@task(retries=3, retry_delay=timedelta(0))
def fail_at(number, limit=0):
    if number > limit:
        raise ValueError("as the test says")
    return number


@task(retries=3, retry_delay=timedelta(0))
def use(number):
    return number + 1


@dynamic_workflow(failure_policy="run_all")
def unneeded():
    fail_at.override(task_id="broken")(1)
    return add.override(task_id="other")(1)


@dynamic_workflow(failure_policy="run_all")
def needed():
    return use.override(task_id="behind")(fail_at.override(task_id="broken")(1))


@dynamic_workflow(failure_policy="run_all")
def tolerant():
    return map_task(fail_at, min_success_ratio=0.1)([0, 1, 0])


@dynamic_workflow(failure_policy="run_all")
def planned_later():
    doubled.override(task_id="later")(fail_at.override(task_id="first")(0))
    return add.override(task_id="other")(1)


@dynamic_workflow
def doubled(number):
    if number == 0:
        raise ValueError("no plan")
    return add(number, number)


@dynamic_workflow
def unplanned():
    raise ValueError("no plan")


def start(workflow):
    return start_run(
        dag(dag_id=f"marked_{workflow.name}", schedule=None)(lambda: workflow() and None)()
    ).run()


def test_a_marked_node_that_nobody_needs_is_done_without():
    run = start(unneeded)
    assert run.state_of("unneeded.result") == "failed"
    run.mark(*place_of(run, "broken")).run()
    assert run.xcom("unneeded.result") == 2


def test_what_needs_the_value_of_a_marked_node_fails_at_once():
    run = start(needed)
    run.mark(*place_of(run, "broken")).run()
    # Airflow clears what failed after it, and a node that was blocked is skipped.
    assert run.state_of("needed.result") == "skipped"
    command(run, "--node", "behind", "--yes", workflow="needed")
    before = run.tries()
    run.run()
    found = {at: str(error) for at, error in run.errors.items() if error is not None}
    assert "1 of 2 nodes failed: 'behind'" in found.pop(("needed.result", -1))
    ((behind, message),) = found.items()
    assert "its node 'broken' cannot be used: it was marked as success and left no value. Clear it" in message
    assert (run.state_of(*behind), run.tries()[behind]) == ("failed", before[behind] + 1)


def test_a_marked_node_leaves_none_where_failures_are_tolerated():
    run = start(tolerant)
    (failed,) = [
        (ti.task_id, ti.map_index) for ti in run.dag_run.get_task_instances() if ti.state == "failed"
    ]
    run.mark(*failed).clear("tolerant.result").run()
    assert run.xcom("tolerant.result") == [0, None, 0]


def test_nobody_waits_for_what_a_marked_node_would_have_planned():
    run = start(planned_later)
    run.mark(*place_of(run, "later")).run()
    assert run.xcom("planned_later.result") == 2


def test_a_marked_planning_task_has_no_plan_and_the_result_says_so():
    run = start(unplanned)
    run.mark("unplanned.plan").run()
    assert run.state_of("unplanned.result") == "failed"
    assert told(run, "unplanned.result") == (
        "Task 'unplanned.plan': was marked as success and left no plan. Clear it together with its "
        "downstream tasks, so that it plans."
    )
