"""The tasks that return lists of nodes: they keep their own lists, and end when nothing can be added."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import dynamic_workflow, map_task
from airflow_dynamic_provider.version_compat import STARTS_IN_TRIGGERER
from airflow_dynamic_provider.workflows.progress.growth import RESERVED_SLOTS
from airflow_dynamic_provider.workflows.progress.stored import RESERVED, Slot
from tests.dag.tasks import keep
from tests.dag.workflow_tasks import add, square
from tests.workflow_runs import run_workflows

both_ways = pytest.mark.parametrize("is_scheduled", [False, True], ids=["dag.test", "scheduled"])


@task
def numbers(count):
    return list(range(count))


@dynamic_workflow
def squares(count):
    return map_task(square)(numbers(count)) if count else add(1)


@dynamic_workflow
def dig(depth, steps=0):
    return steps if depth == 0 else dig(add(depth, -1), add(steps))


def dag_of(workflow, *arguments):
    with DAG("lists", schedule=None) as made:
        keep(workflow(*arguments))
    return made


@both_ways
def test_lists_that_may_grow_end_at_once_if_nothing_can_be_added(is_scheduled):
    run = run_workflows(dag_of(squares, 0), is_scheduled=is_scheduled)
    assert run.result("squares") == 2
    assert run.state_of("squares.listed") == "success"
    for name, lane in run.spec("squares").lanes.items():
        assert run.state_of(lane.list_task_id) == "success", name


@both_ways
def test_nodes_are_added_level_by_level(is_scheduled):
    run = run_workflows(dag_of(dig, 4), is_scheduled=is_scheduled)
    assert run.state == "success"
    assert run.xcom("keep") == 4
    assert len([name for name in run.nodes("dig") if name.endswith("dig")]) == 4
    lane = run.spec("dig").lanes["add__after" if STARTS_IN_TRIGGERER else "add"]
    slots = [Slot.unpack(each) for each in run.xcom(lane.list_task_id)]
    assert slots[-1] == Slot(RESERVED)
    # At most one task instance for each level did nothing but ask for more of them, and two were left.
    assert len([slot for slot in slots if slot.name == RESERVED]) <= 4 + RESERVED_SLOTS
    # Two for each level but the first, where Airflow starts those that can start at once in another lane.
    first = [] if STARTS_IN_TRIGGERER else ["add", "add-2"]
    assert sorted(slot.name for slot in slots if slot.name) == sorted(
        [*first, *(f"{'dig/' * level}add{which}" for level in (1, 2, 3) for which in ("", "-2"))]
    )


@both_ways
def test_a_list_that_becomes_too_long_says_what_to_raise(is_scheduled, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "4")
    run = run_workflows(dag_of(squares, 5), is_scheduled=is_scheduled)
    assert run.state == "failed"
    lane = run.spec("squares").lanes["square__after" if STARTS_IN_TRIGGERER else "square"]
    told = run.error(lane.list_task_id)
    # The two slots without a node, of which one takes a node and the other asks, and the one that is left.
    assert f"Task {lane.task_id!r}, output 'nodes': produced 7 keys, but Airflow maps at most 4" in told
    assert "Raise [core] max_map_length" in told
    assert (
        f"Not all nodes could be listed: {lane.list_task_id!r} failed, and its log says why. "
        f"Clear {lane.list_task_id!r} with its downstream tasks." in run.error("squares.result")
    )
