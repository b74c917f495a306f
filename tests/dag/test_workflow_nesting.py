"""Workflows that call workflows: with values that are known, with promises, themselves, and each other."""

from __future__ import annotations

import pytest
from airflow.sdk import task_group

from airflow_dynamic_provider import dynamic_workflow, map_task
from tests.dag.workflow_tasks import add, halve, merge, my_dynamic_subwf, sort_here, split, square, total
from tests.workflow_runs import Example, run_examples


@dynamic_workflow
def merge_sort(numbers: list, threshold: int) -> list:
    if len(numbers) <= threshold:
        return sort_here(numbers)
    left, right = split(numbers)
    return merge(merge_sort(left, threshold), merge_sort(right, threshold))


@dynamic_workflow
def merge_sort_inline(numbers: list) -> list:
    if len(numbers) <= 2:
        return sort_here(numbers)
    middle = len(numbers) // 2
    return merge(merge_sort_inline(numbers[:middle]), merge_sort_inline(numbers[middle:]))


@dynamic_workflow
def until_small(number: float) -> float:
    if number < 1:
        return number
    return until_small(halve(number))


@dynamic_workflow
def is_even(number: int) -> bool:
    return True if number == 0 else is_odd(add(number, -1))


@dynamic_workflow
def is_odd(number: int) -> bool:
    return False if number == 0 else is_even(add(number, -1))


@task_group
def twice(value):
    return add(add(value))


@dynamic_workflow
def parts(count):
    """A call with a name, one that is planned later, a group, and orders between them."""
    strings, five = my_dynamic_subwf.override(task_id="known")(count)
    later = my_dynamic_subwf(add(count))
    grouped = twice(count)
    later >> grouped
    return [strings, five, later[0], grouped, total([five, later[1]])]


@dynamic_workflow
def squares_of(numbers):
    listed = sort_here(numbers)
    return [map_task(square)(listed), map_task(halve, concurrency=1)(map_task(square)(listed))]


EXAMPLES = {
    "sort": Example(merge_sort, ([5, 3, 8, 1], 2), [1, 3, 5, 8]),
    "inline": Example(merge_sort_inline, ([5, 3, 8, 1, 9],), [1, 3, 5, 8, 9]),
    "converged": Example(until_small, (2.0,), 0.5),
    "even": Example(is_even, (1,), False),
    "parts": Example(parts, (2,), [["fast-0", "fast-1"], 5, ["fast-0", "fast-1", "fast-2"], 4, 10]),
    "squares": Example(squares_of, ([2, 1],), [[1, 4], [0.5, 2.0]]),
}


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
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
        (
            "sort",
            {
                "split",
                "merge_sort",
                "merge_sort-2",
                "merge_sort/sort_here",
                "merge_sort-2/sort_here",
                "merge",
            },
        ),
        (
            "inline",
            {
                "merge_sort_inline/sort_here",
                "merge_sort_inline-2/merge_sort_inline/sort_here",
                "merge_sort_inline-2/merge_sort_inline-2/sort_here",
                "merge_sort_inline-2/merge",
                "merge",
            },
        ),
        (
            "converged",
            {"halve", "until_small", "until_small/halve", "until_small/until_small"},
        ),
        ("even", {"add", "is_odd"}),
        (
            "parts",
            {
                "known/t1",
                "known/t1-2",
                "add",
                "my_dynamic_subwf",
                *(f"my_dynamic_subwf/t1{end}" for end in ("", "-2", "-3")),
                "twice/add",
                "twice/add-2",
                "total",
            },
        ),
        (
            "squares",
            {
                "sort_here",
                "square-map",
                "square-map/0",
                "square-map/1",
                "square-map-2",
                "square-map-2/0",
                "square-map-2/1",
                "halve-map",
                "halve-map/0",
                "halve-map/1",
            },
        ),
    ],
)
def test_nodes_are_named_by_the_calls_around_them(run, name, nodes):
    assert set(run.nodes(name)) == nodes


def test_a_node_that_plans_has_the_plan(run):
    assert run.node_xcom("squares", "square-map")["nodes"] == {"square": 2}
    plan = run.node_xcom("parts", "my_dynamic_subwf", "workflow_plan")
    assert [node["name"] for node in plan["nodes"]] == [f"my_dynamic_subwf/t1{n}" for n in ("", "-2", "-3")]


def test_what_is_ordered_after_a_call_waits_for_all_of_its_nodes(run):
    nodes = run.nodes("parts")
    assert nodes["twice/add-2"].end >= max(nodes[f"my_dynamic_subwf/t1{n}"].end for n in ("", "-2", "-3"))
