"""Workflows from the plan to the result: loops, chains, many nodes, names, orders, and what people see."""

from __future__ import annotations

from unittest import mock

import pytest

from airflow_dynamic_provider import dynamic_workflow, map_task
from airflow_dynamic_provider.workflows.tasks import planning_task
from tests.dag.workflow_tasks import add, halve, my_dynamic_subwf, square, total, two_steps
from tests.workflow_runs import Example, run_examples


@dynamic_workflow
def chain(start: int, length: int) -> int:
    value = start
    for _ in range(length):
        value = add(value)
    return value


@dynamic_workflow
def fan_out(count: int) -> int:
    return total([square(number) for number in range(count)])


@dynamic_workflow
def grid_search(rates, depths):
    scores = {
        (rate, depth): add.override(task_id=f"rate={rate},depth={depth}")(rate, depth)
        for rate in rates
        for depth in depths
    }
    return {f"{rate}/{depth}": score for (rate, depth), score in scores.items()}


@dynamic_workflow
def in_order():
    """Every form, once against the order of the calls."""
    first, second, third, fourth, fifth, sixth = (
        add.override(task_id=name)(1) for name in ("first", "second", "third", "fourth", "fifth", "sixth")
    )
    sixth >> fifth
    fourth << fifth
    fourth >> [second, third]
    [second, third] >> first
    return first


@dynamic_workflow
def squares(numbers):
    return map_task(square)(numbers)


@dynamic_workflow
def squares_two_at_a_time(numbers):
    doubled = [add(number, number) for number in numbers]
    return [map_task(square, concurrency=2)(numbers), map_task(halve)(doubled)]


@dynamic_workflow
def nothing(anything):
    return anything


@dynamic_workflow
def often(number):
    shared = add(number)
    return [total([shared] * 3), [shared, {"again": shared}], add(shared, shared)]


EXAMPLES = {
    "loop": Example(my_dynamic_subwf, (3,), (["fast-0", "fast-1", "fast-2"], 5)),
    "none": Example(my_dynamic_subwf, (0,), ([], 5)),
    "steps": Example(two_steps, (2,), ["fast-0-done", "fast-1-done"]),
    "chain": Example(chain, (7, 12), 19),
    "fan_out": Example(fan_out, (60,), sum(number**2 for number in range(60))),
    "grid": Example(grid_search, ([1, 2], [10, 20]), {"1/10": 11, "1/20": 21, "2/10": 12, "2/20": 22}),
    "in_order": Example(in_order, (), 2),
    "squares": Example(squares, ([3, 1, 2],), [9, 1, 4]),
    "no_squares": Example(squares, ([],), []),
    "windows": Example(squares_two_at_a_time, ([1, 2, 3, 4, 5],), [[1, 4, 9, 16, 25], [1, 2, 3, 4, 5]]),
    "nothing": Example(nothing, ({"a": [1, None, "{{ ds }}"]},), {"a": [1, None, "{{ ds }}"]}),
    "often": Example(often, (1,), [6, [2, {"again": 2}], 4]),
}


@pytest.fixture(scope="module")
def log():
    """What the planning tasks have written."""
    return []


@pytest.fixture(scope="module")
def run(airflow_database, execution_api, log):
    def write(message, *arguments):
        log.append(message % arguments)

    with mock.patch.object(planning_task.log, "info", write):
        return run_examples(EXAMPLES)


def test_the_run_succeeds_with_every_node(run):
    assert run.state == "success"
    assert {state for name in EXAMPLES for state in run.node_states(name).values()} == {"success"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_result_is_that_of_plain_python(run, name):
    example = EXAMPLES[name]
    assert run.result(name) == example.expected
    assert example.workflow.local(*example.arguments) == example.expected


@pytest.mark.parametrize(
    ("name", "nodes"),
    [
        ("loop", {"t1", "t1-2", "t1-3"}),
        ("none", set()),
        ("steps", {"t1", "t1-2", "t2", "t2-2"}),
        ("grid", {"rate=1,depth=10", "rate=1,depth=20", "rate=2,depth=10", "rate=2,depth=20"}),
        ("squares", {"square-map/0", "square-map/1", "square-map/2"}),
        ("nothing", set()),
    ],
)
def test_nodes_are_labelled_by_their_names(run, name, nodes):
    assert set(run.nodes(name)) == nodes
    assert {node.label for node in run.nodes(name).values()} == nodes


def test_every_node_keeps_what_it_returned(run):
    assert run.node_xcom("grid", "rate=2,depth=20") == 22
    assert run.node_xcom("squares", "square-map/0") == 9


def test_a_node_starts_when_those_before_it_have_ended(run):
    nodes = run.nodes("in_order")
    for before, after in [
        ("sixth", "fifth"),
        ("fifth", "fourth"),
        ("fourth", "second"),
        ("fourth", "third"),
        ("second", "first"),
        ("third", "first"),
    ]:
        assert nodes[before].end <= nodes[after].end


def test_no_more_nodes_than_the_concurrency_run_at_a_time(run):
    nodes = run.nodes("windows")
    ends = [nodes[f"square-map/{index}"].end for index in range(5)]
    # One goes on when all but one of those before it have ended.
    for index, end in enumerate(ends):
        assert sum(other > end for other in ends[:index]) < 2


def test_the_plan_is_what_people_see_of_the_planning_task(run):
    assert run.xcom("steps.plan") == {"t1": 2, "t2": 2}
    plan = run.xcom("steps.plan", "workflow_plan")
    assert plan["version"] == 1
    assert [node["name"] for node in plan["nodes"]] == ["t1", "t2", "t1-2", "t2-2"]


def test_the_plan_is_a_tree_in_the_log(run, log):
    plans = [each for each in log if each.startswith("The plan:")]
    (tree,) = [each for each in plans if "two_steps" in each or "steps:" in each]
    assert tree.endswith("4 nodes\n  t1: t1(a=0)\n  t2: t2(b=t1)\n  t1-2: t1(a=1)\n  t2-2: t2(b=t1-2)")
