"""``with TaskGroup(...)`` in a body: the names of its nodes, and their order."""

from __future__ import annotations

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import Label, TaskGroup, chain, task

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.errors import NodeNameError, WorkflowCallError
from tests.pure.refusals import refused

pytestmark = pytest.mark.pure


@task
def work(value):
    return value


@task
def rest():
    return None


@dynamic_workflow
def inner(value):
    with TaskGroup("deep"):
        return work(value)


KINDS = dynamic_workflow(
    lambda: [work(1), rest(), BashOperator(task_id="shell", bash_command="true"), inner(1)]
)


def plan(body):
    return dynamic_workflow(body).plan({}, kinds=KINDS.find_kinds())


def names(body):
    return [node.name for node in plan(body).nodes]


def upstream(body):
    made = plan(body)
    return {node.name: set(made.waits_for(node)) for node in made.nodes if made.waits_for(node)}


def test_nodes_are_named_after_the_groups_around_them():
    def body():
        first = work(0)
        with TaskGroup("outer"):
            work(first)
            BashOperator(task_id="shell", bash_command="true")
            with TaskGroup("inside") as inside:
                work(2)
                inner(3)
        with inside:
            work(4)
        with TaskGroup("aside", parent_group=inside):
            work(5)
        return work(6)

    assert sorted(names(body)) == [
        "outer/inside/aside/work",
        "outer/inside/inner/deep/work",
        "outer/inside/work",
        "outer/inside/work-2",
        "outer/shell",
        "outer/work",
        "work",
        "work-2",
    ]


def test_a_name_that_may_have_a_number_behind_it():
    def body():
        for _ in range(3):
            with TaskGroup("step", add_suffix_on_collision=True):
                work(1)

    assert names(body) == ["step/work", "step-2/work", "step-3/work"]


def by_arrows(one, group, last):
    one >> group >> last


def by_lists(one, group, last):
    [one] >> group
    last << group


def by_chain(one, group, last):
    chain(one, group, last)


def by_label(one, group, last):
    one >> Label("x") >> group >> Label("y") >> last


def by_methods(one, group, last):
    group.set_upstream(one)
    group.set_downstream([last])


@pytest.mark.parametrize("order", [by_arrows, by_lists, by_chain, by_label, by_methods])
def test_a_group_is_ordered_as_a_whole(order):
    def body():
        one, last = rest(), rest.override(task_id="last")()
        with TaskGroup("group") as group:
            work(work(1))
        order(one, group, last)

    assert upstream(body) == {
        "group/work": {"rest"},
        "group/work-2": {"group/work"},
        "last": {"group/work", "group/work-2"},
    }


def test_groups_are_ordered_against_groups():
    def body():
        with TaskGroup("one") as one:
            work(1)
        with TaskGroup("two") as two:
            work(2)
        two >> one

    assert upstream(body) == {"one/work": {"two/work"}}


def test_it_gives_what_plain_python_gives():
    @dynamic_workflow
    def sums(numbers):
        total = 0
        for number in numbers:
            with TaskGroup(f"number_{number}"):
                total = add(total, work(number))
        return total

    @task
    def add(one, other):
        return one + other

    assert sums.local([1, 2, 3]) == 6


def test_what_a_group_raises_leaves_it():
    def body():
        try:
            with TaskGroup("group"):
                work(1)
                raise ValueError("the author's")
        except ValueError:
            return work(2)

    assert names(body) == ["group/work", "work"]


def test_settings_that_nodes_do_not_take():
    def defaults():
        with TaskGroup("group", default_args={"retries": 2}):
            work(1)

    def flat():
        with TaskGroup("group", prefix_group_id=False):
            work(1)

    def twice():
        with TaskGroup("group"):
            work(1)
        with TaskGroup("group"):
            work(1)

    with refused(WorkflowCallError, "the task group 'group' has default_args, which nodes do not take"):
        plan(defaults)
    with refused(
        WorkflowCallError, "the task group 'group' has prefix_group_id=False, but the name of a node"
    ):
        plan(flat)
    with refused(NodeNameError, "'group'"):
        plan(twice)


def test_airflow_has_its_own_task_groups_back_afterwards():
    plan(lambda: work(1))
    with pytest.raises(RuntimeError, match="TaskGroup can only be used inside a dag"):
        TaskGroup("outside")
