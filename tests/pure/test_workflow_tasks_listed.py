"""``tasks=[...]``: the tasks that a body may call, without a guess."""

from __future__ import annotations

import functools

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import task, task_group

from airflow_dynamic_provider import DynamicOut, dynamic_task, dynamic_workflow, map_task
from airflow_dynamic_provider.errors import UnknownKindError, WorkflowError
from tests.pure.refusals import refused

pytestmark = pytest.mark.pure


@task
def double(value):
    return 2 * value


@task(retries=2)
def negate(value):
    return -value


@task
def forgotten(value):
    return value


@dynamic_task(out=DynamicOut(int))
def many(): ...


@task_group
def group(value):
    return negate(value)


def plain(value):
    return double(value)


#: Tasks that no name in a body refers to.
STEPS = {"double": double, "negate": negate, "forgotten": forgotten, "many": many}


def call(name, *args):
    return globals()["STEPS"][name](*args)


@dynamic_workflow(tasks=[double])
def doubles(name):
    return call(name, 1)


@dynamic_workflow(tasks=[double])
def until_large(value):
    return value if value > 4 else until_large(double(value))


@dynamic_workflow
def ping(value):
    return value if value > 4 else pong(double(value))


@dynamic_workflow(tasks=[negate, ping])
def pong(value):
    return ping(negate(negate(value)))


def listing(*tasks, body=lambda: None):
    return dynamic_workflow(tasks=list(tasks))(body)


def kinds(*tasks):
    return {kind.name: dict(kind.settings) for kind in listing(*tasks).find_kinds()}


def test_exactly_what_is_listed_are_the_kinds():
    assert kinds() == {}
    assert kinds(double, negate, BashOperator) == {
        "double": {},
        "negate": {"retries": 2},
        "BashOperator": {},
    }
    assert list(kinds(many)) == ["many"]
    assert listing(double, body=lambda: [forgotten(1), map_task(negate)([])]).find_kinds().names == ["double"]


def test_each_form_of_an_entry():
    assert kinds(map_task(double)) == {"double": {}, "double__map": {}}
    assert kinds(map_task(double.override(pool="p"))) == {
        "double": {"pool": "p"},
        "double__map": {"pool": "p"},
    }
    assert kinds(map_task(functools.partial(double, value=1))) == {"double": {}, "double__map": {}}
    assert kinds(functools.partial(double, value=negate)) == {"double": {}}
    assert kinds(functools.partial(BashOperator, pool="p")) == {"BashOperator": {"pool": "p"}}
    assert kinds(double, double.override(pool="p")) == {"double": {}, "double__2": {"pool": "p"}}
    assert kinds(double.override(task_id="named", pool="p")) == {"named": {"pool": "p"}}


def test_what_a_listed_group_and_workflow_call_is_added():
    assert kinds(group) == {"negate": {"retries": 2}}
    assert kinds(doubles) == {"doubles": {}, "double": {}}
    assert kinds(dynamic_workflow(plain)) == {"plain": {}, "double": {}}
    # The same workflow with either list.
    assert list(kinds(doubles, doubles.override(tasks=[negate]))) == ["doubles", "double", "negate"]


def test_a_workflow_that_calls_itself_need_not_be_listed():
    assert until_large.find_kinds().names == ["double", "until_large"]
    assert until_large.local(1) == 8


def test_of_two_that_call_each_other_the_second_lists_the_first():
    assert ping.find_kinds().names == ["pong", "negate", "ping", "double"]
    assert pong.find_kinds().names == ["negate", "ping", "pong", "double"]
    assert (ping.local(1), pong.local(1)) == (8, 8)


def test_a_body_may_call_what_is_listed_by_any_way():
    def body():
        return [call("double", 1), call("negate", 2), map_task(STEPS["double"])([3])]

    assert listing(double, negate, body=body).local() == [2, -2, [6]]


def test_a_workflow_that_is_called_with_values_need_not_be_listed():
    assert listing(double, body=lambda: doubles("double")).local() == 2


def test_the_kinds_are_named_in_the_order_of_the_list():
    made = listing(negate.override(retries=0), negate)
    assert made.find_kinds().names == ["negate", "negate__2"]
    assert made.find_kinds().guesses == ""


NOT_LISTED = (
    "the body of a workflow calls 'forgotten', which is not in tasks=[...] of the workflow 'flow'. "
    "Add it: tasks=[..., forgotten]."
)


@pytest.mark.parametrize(
    ("tasks", "body", "message"),
    [
        ([double], lambda: call("forgotten", 1), NOT_LISTED),
        ([], lambda: forgotten(1), NOT_LISTED),
        # Called by a workflow that is planned as part of it.
        ([double], lambda: dynamic_workflow(lambda: call("forgotten", 1))(), NOT_LISTED),
        (
            # The list of the workflow whose body makes the call counts, and not that of the one around it.
            [doubles, forgotten],
            lambda: doubles("forgotten"),
            NOT_LISTED.replace("flow'.", "doubles'."),
        ),
        (
            [negate],
            lambda: negate.override(pool="p")(1),
            "the body of a workflow calls 'negate' with pool='p', which is not in tasks=[...] of the "
            "workflow 'flow'. Add it: tasks=[..., negate.override(pool='p')]. Only task_id and fewer retries "
            "may differ from a listed task.",
        ),
        (
            [BashOperator],
            lambda: BashOperator(task_id="a", bash_command="ls", pool="p"),
            "the body of a workflow calls 'BashOperator' with pool='p', which is not in tasks=[...] of the "
            "workflow 'flow'. Add it: tasks=[..., functools.partial(BashOperator, pool='p')]. Only task_id "
            "and fewer retries may differ from a listed task.",
        ),
        (
            [double],
            lambda: map_task(double)(double(1)),
            "the body of a workflow calls a map_task of 'double' over a promise, which is not in tasks=[...] "
            "of the workflow 'flow'. Add it: tasks=[..., map_task(double)].",
        ),
        (
            [double],
            lambda: doubles(double(1)),
            "the body of a workflow calls 'doubles', which is not in tasks=[...] of the workflow 'flow'. "
            "Add it: tasks=[..., doubles].",
        ),
    ],
)
def test_what_is_not_listed_is_refused_when_the_body_calls_it(tasks, body, message):
    flow = listing(*tasks, body=body).override(task_id="flow")
    with refused(UnknownKindError, message) as caught:
        flow.plan({})
    assert "test_workflow_tasks_listed.py, line" in str(caught.value)


_TAKEN = (
    "tasks= takes @task functions, task groups, operator classes, workflows and map_task(task), also under "
    "override or functools.partial."
)


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        (double, "must be a list, received _TaskDecorator(function=<function doub"),
        ("double", "must be a list, received 'double'. Write tasks=[task, BashOperator, workflow]."),
        (["double"], "lists the string 'double'. List the function itself, without quotes."),
        ([double, str], f"lists the class 'str', which is not an operator class. {_TAKEN}"),
        (
            [plain],
            "lists the function 'plain', which is not a task. Put @task above it, or list the tasks "
            "that it calls.",
        ),
        (
            [functools.partial(plain, 1)],
            "lists the function 'plain', which is not a task. Put @task above it, or list the tasks "
            "that it calls.",
        ),
        ([[double]], "lists a list. Unpack it: tasks=[*steps]."),
        ([STEPS], "lists a dict. Unpack it: tasks=[*steps.values()]."),
        ([map_task], "lists map_task without a task. List each task that is mapped: map_task(task)."),
        (
            [EmptyOperator(task_id="made")],
            "lists the operator 'made', which is a task of the Dag. List its class, EmptyOperator, or "
            "with settings functools.partial(class, pool=...).",
        ),
        ([None], f"lists None of type NoneType. {_TAKEN}"),
        ([3], f"lists 3 of type int. {_TAKEN}"),
    ],
)
def test_what_nothing_can_call_is_refused_in_the_dag_file(tasks, message):
    with refused(WorkflowError, f"tasks= of the workflow 'flow' {message}") as caught:

        @dynamic_workflow(tasks=tasks)
        def flow(): ...

    assert "test_workflow_tasks_listed.py, line" in str(caught.value)
    with refused(WorkflowError, f"tasks= of the workflow 'doubles' {message}"):
        doubles.override(tasks=tasks)


def test_hints_are_for_what_is_guessed():
    with refused(
        WorkflowError,
        "the workflow 'doubles' has both tasks= and node_dependency_hints=, but tasks= already lists "
        "everything that its body may call. Move the hints into tasks=[...].",
    ):
        doubles.override(node_dependency_hints=[negate])


def test_a_guess_says_where_it_found_each_kind():
    def helper():
        return negate(1)

    def body():
        return [double(1), helper()]

    lines = dynamic_workflow(node_dependency_hints=[many])(body).find_kinds().guesses.splitlines()
    assert [line.partition(", line")[0] for line in lines] == [
        "  double: named in body (test_workflow_tasks_listed.py",
        "  negate: named in helper (test_workflow_tasks_listed.py",
        "  many: named in node_dependency_hints of 'body'",
    ]
    # Only the listed tasks that the group calls.
    (line,) = listing(double, group).find_kinds().guesses.splitlines()
    assert line.startswith("  negate: named in group (test_workflow_tasks_listed.py, line ")
