"""Nodes that fail, skip themselves or take too long, plans that are refused, and what the others do then."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import dynamic_workflow, map_task
from airflow_dynamic_provider.errors import TooManyNodesError
from airflow_dynamic_provider.version_compat import COMMAND, AirflowSkipException
from tests.dag.tasks import keep
from tests.dag.workflow_tasks import add, square
from tests.workflow_runs import run_workflows

TRIED: list[str] = []


@task
def fail(*before):
    raise ValueError("broken")


@task
def skip(*before):
    raise AirflowSkipException("not today")


@task
def positive(number):
    if number < 0:
        raise ValueError(f"{number} is negative")
    return number


@task(execution_timeout=timedelta(seconds=0.3))
def limited(seconds):
    time.sleep(seconds)


@task(retries=3, retry_delay=0.01)
def stubborn(name):
    TRIED.append(name)
    raise ValueError("again")


@task
def slow(seconds):
    time.sleep(seconds)
    return seconds


@dynamic_workflow(failure_policy="run_all")
def all_run():
    fine = add(1)
    broken = fail()
    behind = add.override(task_id="behind")(broken)
    return [add.override(task_id="beside")(fine), add.override(task_id="last")(behind)]


@dynamic_workflow
def fails_fast():
    broken = fail()
    behind = add.override(task_id="behind")(broken)
    # So long a way that it is not done before the other one has failed.
    value = 1
    for step in range(4):
        value = add.override(task_id=f"step-{step}")(value)
    return [behind, value]


@dynamic_workflow
def skips():
    skipped = skip()
    return [add(1), add.override(task_id="behind")(skipped)]


@dynamic_workflow
def skips_beside():
    skip() >> add.override(task_id="behind")(1)
    return add(1)


@dynamic_workflow(failure_policy="run_all")
def inner_fails():
    """The call is blocked as a whole, and so is what uses it; planned later, it has no nodes."""
    number = fail()
    inner = doubled(number)
    return add.override(task_id="behind")(inner)


@dynamic_workflow
def doubled(number):
    return add(number, number)


@dynamic_workflow(failure_policy="run_all")
def tolerant(numbers):
    known = map_task(positive, min_success_ratio=0.5)(numbers)
    later = map_task(positive, min_success_ratio=0.5)(map_task(square)(numbers))
    return [known, later]


@dynamic_workflow(failure_policy="run_all")
def intolerant(numbers):
    return map_task(positive, min_success_ratio=0.5)(numbers)


@dynamic_workflow(failure_policy="run_all")
def tolerance_ends_at_the_call():
    """That its nodes could not even start is nothing that a call tolerates."""
    broken = fail()
    mapped = map_task(positive, min_success_ratio=0.0)([1, 2])
    broken >> mapped
    return add.override(task_id="behind")(mapped, [])


@dynamic_workflow(max_nodes=3)
def too_many():
    return [add(number) for number in range(4)]


@dynamic_workflow(max_nodes=4)
def too_many_later():
    return doubled_all(add(2))


@dynamic_workflow(max_nodes=20)
def too_many_together():
    """Each of the four may plan what it plans, and all of them together may not."""
    return [doubled_all.override(task_id=name)(add(5)) for name in "abcd"]


@dynamic_workflow
def doubled_all(count):
    return [add(number) for number in range(count)]


@dynamic_workflow(timeout=0.5)
def late():
    return add(slow(2))


@dynamic_workflow
def node_late():
    return limited(2)


@dynamic_workflow(failure_policy="run_all")
def retried():
    return [stubborn("kind"), stubborn.override(task_id="fewer", retries=1)("fewer")]


@dynamic_workflow
def misused(number):
    value = add(number)
    if value:
        return value
    return None


@dynamic_workflow
def unplanned():
    raise AirflowSkipException("nothing to plan")


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    TRIED.clear()
    with DAG("failures", schedule=None) as dag:
        all_run(), fails_fast(), skips(), skips_beside(), inner_fails(), tolerant([1, -2])
        intolerant([1, -2, -3]), tolerance_ends_at_the_call(), too_many(), too_many_later()
        too_many_together(), late(), node_late(), retried(), misused(1)
        keep(unplanned())
    return run_workflows(dag, is_scheduled=True)


def blocked(run, workflow, name):
    stored = run.node_xcom(workflow, name, "workflow_blocked")
    # Airflow encodes twice what a triggerer stores.
    return json.loads(stored) if isinstance(stored, str) else stored


def test_run_all_runs_what_needs_no_failed_node(run):
    assert run.node_states("all_run") == {
        "add": "success",
        "fail": "failed",
        "behind": "skipped",
        "beside": "success",
        "last": "skipped",
    }
    assert blocked(run, "all_run", "behind") == {
        "node": "behind",
        "reason": "'fail', which it depends on, has failed",
    }
    assert blocked(run, "all_run", "last")["reason"] == "'behind', which it depends on, was skipped"


def test_the_result_names_what_failed_and_how_to_run_it_again(run):
    assert run.state == "failed"
    assert run.state_of("all_run.result") == "failed"
    error = run.error("all_run.result")
    told = f"1 of 5 nodes failed: 'fail'. To run it again with all that depends on it: {COMMAND} clear"
    assert told in error
    assert "--workflow all_run --node" in error
    assert "ValueError: broken" in run.error("all_run.fail", run.nodes("all_run")["fail"].map_index)


def test_fail_fast_starts_no_further_node(run):
    states = run.node_states("fails_fast")
    assert (states["fail"], states["behind"], states["step-3"]) == ("failed", "skipped", "skipped")
    reason = blocked(run, "fails_fast", "step-3")["reason"]
    assert reason == "'fail' failed, and the workflow fails fast"
    assert "nodes failed: 'fail'" in run.error("fails_fast.result")


def test_a_node_that_skips_itself_skips_what_uses_it(run):
    assert run.node_states("skips") == {"skip": "skipped", "add": "success", "behind": "skipped"}
    assert run.state_of("skips.result") == "skipped"


def test_a_skipped_node_that_nothing_returned_uses_is_no_matter(run):
    assert run.node_states("skips_beside") == {"skip": "skipped", "add": "success", "behind": "skipped"}
    assert run.result("skips_beside") == 2


def test_a_call_whose_input_failed_is_not_planned(run):
    assert run.node_states("inner_fails") == {"fail": "failed", "doubled": "skipped", "behind": "skipped"}


def test_a_share_of_the_nodes_of_a_map_task_may_fail(run):
    assert run.result("tolerant") == [[1, None], [1, 4]]
    assert run.node_states("tolerant")["positive-map/1"] == "failed"
    assert tolerant.local([1, -2]) == [[1, None], [1, 4]]
    assert "1 of 3 nodes failed: 'positive-map'" in run.error("intolerant.result")


def test_a_map_task_that_could_not_start_has_no_values(run):
    states = run.node_states("tolerance_ends_at_the_call")
    assert states.pop("fail") == "failed"
    assert states == dict.fromkeys(["positive-map/0", "positive-map/1", "behind"], "skipped")


def test_too_many_nodes_fail_the_task_that_plans_them(run):
    assert run.state_of("too_many.plan") == "failed"
    assert "has 4 nodes so far, more than max_nodes=3" in run.error("too_many.plan")
    assert run.nodes("too_many") == {}
    assert "There is no plan: the state of 'too_many.plan' is failed." in run.error("too_many.result")
    node = run.nodes("too_many_later")["doubled_all"]
    assert node.state == "failed"
    assert "'doubled_all' plans 3 nodes, and 2 are planned already" in run.error(node.task_id, node.map_index)


def test_plans_that_are_made_side_by_side_keep_to_the_limit_together(run):
    states = run.node_states("too_many_together")
    assert len(states) <= 20
    failed = [name for name in "abcd" if states[name] == "failed"]
    assert failed
    node = run.nodes("too_many_together")[failed[0]]
    assert "more than max_nodes=20" in run.error(node.task_id, node.map_index)
    with pytest.raises(TooManyNodesError, match="max_nodes=20"):
        too_many_together.local()


def test_the_time_of_the_whole_graph(run):
    assert run.node_states("late") == {"slow": "failed", "add": "skipped"}
    assert "The workflow 'late' has taken longer than its timeout of 0.5 seconds." in run.error(
        "late.slow", 0
    )


def test_the_time_of_one_node(run):
    assert run.node_states("node_late") == {"limited": "failed"}
    assert "Timeout" in run.error("node_late.limited", 0)


def test_a_nodes_own_retries(run):
    nodes = run.nodes("retried")
    assert {name: node.state for name, node in nodes.items()} == {"stubborn": "failed", "fewer": "failed"}
    assert (TRIED.count("kind"), TRIED.count("fewer")) == (4, 2)
    assert {name: node.tries for name, node in nodes.items()} == {"stubborn": 4, "fewer": 2}


def test_a_promise_used_as_a_value_fails_the_plan_with_the_authors_line(run):
    error = run.error("misused.plan")
    assert "PromiseUsageError" in error
    assert "if value:" in error
    assert "test_workflow_failures.py, line" in error


def test_a_skipped_plan_skips_the_result_and_what_uses_it(run):
    assert run.state_of("unplanned.plan") == run.state_of("unplanned.result") == "skipped"
    assert run.state_of("keep") == "skipped"
