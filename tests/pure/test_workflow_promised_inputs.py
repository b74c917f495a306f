"""Workflows whose bodies get promises of their inputs, and workflows that are always nodes."""

from __future__ import annotations

import pytest
from airflow.sdk import task

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.errors import PromiseUsageError
from airflow_dynamic_provider.workflows.decorator import DynamicWorkflow

pytestmark = pytest.mark.pure


@task
def add(a, b):
    return a + b


def promised(function):
    return DynamicWorkflow(function, takes_promises=True)


@promised
def sum_of(pair: dict, more: int = 5):
    first = add(pair["a"], pair["list"][1])
    return {"sum": add(first, more), "whole": pair, "more": more}


def test_known_inputs_and_defaults_go_into_the_plan_as_values():
    assert sum_of.local({"a": 1, "list": [2, 3]}) == {
        "sum": 9,
        "whole": {"a": 1, "list": [2, 3]},
        "more": 5,
    }


def test_a_known_input_cannot_be_used_as_a_value():
    @promised
    def decides(number: int):
        return add(number, 1) if number > 3 else number

    with pytest.raises(PromiseUsageError, match="the output of 'number' is a promise, not yet a value"):
        decides.local(1)


def test_it_is_planned_at_once_in_another_body_with_promises_inside_its_inputs():
    @dynamic_workflow
    def around(number):
        before = add(number, 1)
        inner = sum_of({"a": before, "list": [0, before]}, more=before)
        return inner["sum"]

    plan = around.plan({"number": 1})
    assert [node.name for node in plan.nodes] == ["add", "sum_of/add", "sum_of/add-2"]
    assert around.local(1) == 6


def test_an_order_after_a_known_input_is_no_order():
    @promised
    def ordered(number: int):
        number >> add(1, 2)

    assert [node.after for node in ordered.plan({"number": 1}).nodes] == [()]


def test_a_workflow_that_is_always_a_node_keeps_its_settings_in_a_task_of_its_own():
    def inner(number):
        return add(number, 1)

    own = DynamicWorkflow(inner, is_node=True, settings={"retries": 2})

    @dynamic_workflow(tasks=[own])
    def around():
        return own(1)

    plan = around.plan({})
    assert [(node.name, node.kind) for node in plan.nodes] == [("inner", "inner")]
    assert around.find_kinds()["inner"].settings == {"retries": 2}
    assert around.local() == 2
