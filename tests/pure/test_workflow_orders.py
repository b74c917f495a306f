"""Airflow's ways to order tasks, used with the promises and operators of a body."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Label, chain, chain_linear, cross_downstream, task, task_group

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.errors import PromiseUsageError
from tests.pure.refusals import refused


class Node(NamedTuple):
    roots: list
    set_upstream: int


@task
def a():
    return 1


@task
def b():
    return 2


@task
def c():
    return 3


@task
def d():
    return 4


@task
def node() -> Node:
    return Node([1], 2)


@task
def keep(value):
    return value


@task_group
def group():
    a.override(task_id="first")() >> b.override(task_id="second")()


def edges(body):
    """Return node -> the nodes that it waits for."""
    plan = dynamic_workflow(node_dependency_hints=[a, b, c, d, node, keep, EmptyOperator])(body).plan({})
    return {each.name: set(each.upstream) for each in plan.nodes if each.upstream}


def _chain():
    chain(a(), b(), c())


def _shift():
    a() >> b() >> c()


def _set_downstream():
    first, second, third = a(), b(), c()
    first.set_downstream(second)
    second.set_downstream([third])


def _set_upstream():
    first, second, third = a(), b(), c()
    third.set_upstream([second])
    second.set_upstream(first)


def _labels():
    a() >> Label("then") >> b() >> Label("and then") >> c()


def _labels_back():
    c() << Label("then") << b() << Label("and then") << a()


def _labelled_lists():
    [a()] >> Label("then") >> [b()] >> Label("and then") >> c()


@pytest.mark.parametrize(
    "body",
    [_chain, _shift, _set_downstream, _set_upstream, _labels, _labels_back, _labelled_lists],
    ids=lambda body: body.__name__,
)
def test_one_after_the_other(body):
    assert edges(body) == {"b": {"a"}, "c": {"b"}}


def test_lists_are_chained_item_by_item():
    assert edges(lambda: chain([a(), b()], [c(), d()])) == {"c": {"a"}, "d": {"b"}}
    assert edges(lambda: chain(a(), [b(), c()], d())) == {"b": {"a"}, "c": {"a"}, "d": {"b", "c"}}


def test_all_before_all():
    crossed = {"c": {"a", "b"}, "d": {"a", "b"}}
    assert edges(lambda: cross_downstream([a(), b()], [c(), d()])) == crossed
    assert edges(lambda: chain_linear([a(), b()], [c(), d()])) == crossed


def test_operators_and_groups_among_promises():
    def body():
        chain(a(), EmptyOperator(task_id="empty"), group(), c())
        EmptyOperator(task_id="other") >> Label("x") >> d()

    found = edges(body)
    assert found["empty"] == {"a"}
    assert found["group/first"] == {"empty"}
    assert found["c"] == {"group"}
    assert found["d"] == {"other"}


def test_a_field_of_an_annotated_value_comes_before_an_order():
    def body():
        made = node()
        return [keep(made.roots), keep(made.set_upstream)]

    assert edges(body) == {"keep": {"node"}, "keep-2": {"node"}}


def test_a_promise_has_no_other_attribute_of_a_task():
    with refused(PromiseUsageError, "asked for its attribute 'as_setup'"):
        dynamic_workflow(lambda: a().as_setup()).plan({})
