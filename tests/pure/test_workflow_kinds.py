"""Kinds: those found in a Dag file, and the one that runs a node."""

from __future__ import annotations

import functools
import inspect
import types
from datetime import timedelta

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.sdk import task, task_group

import airflow_dynamic_provider
from airflow_dynamic_provider import Cache, DynamicOut, dynamic_task, dynamic_workflow, map_task
from airflow_dynamic_provider.errors import UnknownKindError
from airflow_dynamic_provider.workflows.declared.kinds import (
    MapTarget,
    OperatorTarget,
    TaskTarget,
    WorkflowTarget,
)
from tests.pure.refusals import refused

pytestmark = pytest.mark.pure


@task
def t1(value=None): ...


@task
def t2(value=None): ...


@task(pool="small", retries=2)
def t3(value=None): ...


@task
def unused(value=None): ...


@dynamic_task(out=DynamicOut(int))
def many(): ...


big = t1.override(pool="big")
renamed = t1.override(task_id="renamed", pool="big")
LIMIT = timedelta(minutes=5)
POOLS = types.SimpleNamespace(heavy="heavy")
STEPS = [t1, {"a": t2}]
tasks = types.ModuleType("tasks")
tasks.t1 = t1
tasks.t2 = t2


@task_group
def group():
    t2()


def helper(value):
    return t2(value) if value else other_helper(value)


def other_helper(value):
    return t3(helper(value))


@dynamic_workflow
def recursive(value):
    return recursive(t1(value))


@dynamic_workflow
def ping(value):
    return pong(value)


@dynamic_workflow(node_dependency_hints=[t3])
def pong(value):
    return ping(t2(value))


def kinds(body, *hints):
    return dynamic_workflow(node_dependency_hints=list(hints))(body).find_kinds()


def test_what_the_code_names():
    assert kinds(lambda: t2(t1())).names == ["t2", "t1"]
    assert kinds(lambda: many()).names == ["many"]
    assert kinds(lambda: BashOperator(task_id="b", bash_command="ls")).names == ["BashOperator"]
    assert kinds(lambda: PythonSensor(task_id="b", python_callable=print)).names == ["PythonSensor"]
    assert kinds(lambda: None).names == []


def test_what_is_named_in_functions_inside():
    def body():
        def inside():
            return [t2(number) for number in range(3)]

        return inside()

    assert kinds(body).names == ["t2"]


def test_what_closures_and_defaults_hold():
    held = t1

    def body(first=t2, *, second=t3):
        return held(first(second()))

    assert kinds(body).names == ["t1", "t2", "t3"]


def test_helpers_are_followed_round_and_round():
    assert sorted(kinds(lambda: helper(1)).names) == ["t2", "t3"]


def test_helpers_that_share_their_code_or_wrap_another():
    def made(step):
        return lambda: step()

    @functools.wraps(helper)
    def wrapper(value):
        return big(value)

    first, second = made(t1), made(t2)
    assert kinds(lambda: [first(), second()]).names == ["t1", "t2"]
    assert sorted(kinds(lambda: wrapper(1)).names) == ["t1", "t2", "t3"]


def test_what_modules_objects_and_containers_hold():
    assert kinds(lambda: tasks.t1()).names == ["t1"]
    assert kinds(lambda: [step() for step in STEPS]).names == ["t1", "t2"]

    class Steps:
        first = t3

        def run(self):
            return t1()

    assert kinds(lambda: Steps().run() + Steps.first()).names == ["t3", "t1"]


def test_task_groups_and_partials():
    bound = functools.partial(t1, value=1)
    assert sorted(kinds(lambda: [group(), bound()]).names) == ["t1", "t2"]


def test_hints():
    found = kinds(lambda: None, t1, big, BashOperator, functools.partial(BashOperator, pool="p"), ping)
    # A hint says nothing about map_task, so each of its tasks may be mapped.
    assert found.names == [
        *("t1", "t1__map", "t1__2", "t1__map__2", "BashOperator", "BashOperator__2"),
        *("ping", "pong", "t2", "t3", "t3__map"),
    ]


def test_workflows_and_what_they_call():
    assert set(ping.find_kinds().names) >= {"ping", "pong", "t2", "t3"}
    assert recursive.find_kinds().names == ["recursive", "t1"]
    assert [type(kind.target) for kind in recursive.find_kinds()] == [WorkflowTarget, TaskTarget]


def test_a_workflow_is_no_kind_of_itself():
    assert pong.name not in kinds(lambda: t1()).names
    assert dynamic_workflow(lambda: t1()).find_kinds().names == ["t1"]


def test_map_task_gives_kinds_of_its_own():
    found = kinds(lambda: map_task(t1)([t2()]))
    assert sorted(found.names) == ["t1", "t1__map", "t2"]
    assert isinstance(found["t1__map"].target, MapTarget)
    assert sorted(kinds(lambda: airflow_dynamic_provider.map_task(t1)([])).names) == ["t1", "t1__map"]

    def overridden():
        map_task(t1.override(pool="p"))([t2()])
        map_task(functools.partial(t2, value=1), concurrency=2)([])

    assert sorted(kinds(overridden).names) == ["t1", "t1__2", "t1__map", "t2", "t2__map"]

    def hidden(chosen):
        return map_task(chosen)([t1(), t2()])

    # The mapped task is known only when the body runs, so it may be either.
    assert sorted(kinds(hidden).names) == ["t1", "t1__map", "t2", "t2__map"]


def test_variations_that_have_a_name():
    assert kinds(lambda: [t1(), big()]).names == ["t1", "t1__2"]
    found = kinds(lambda: renamed())
    assert found.names == ["renamed"]
    assert found["renamed"].settings == {"pool": "big"}


def test_variations_written_in_the_body():
    def body(number):
        t1.override(pool="p", retries=3, task_id=f"n{number}")()
        t1.override(execution_timeout=LIMIT).override(pool=POOLS.heavy)()
        t3.override(retries=1)()
        BashOperator(task_id=f"b{number}", bash_command=f"echo {number}", pool="p", retries=2)
        return tasks.t2.override(queue="q")()

    found = kinds(body)
    assert {kind.name: dict(kind.settings) for kind in found} == {
        "t1": {},
        "t3": {"pool": "small", "retries": 2},
        "BashOperator": {},
        "t2": {},
        "t1__2": {"pool": "p", "retries": 3},
        "t1__3": {"execution_timeout": LIMIT},
        "t1__4": {"execution_timeout": LIMIT, "pool": "heavy"},
        "BashOperator__2": {"pool": "p", "retries": 2},
        "t2__2": {"queue": "q"},
    }


def test_what_stands_in_a_decorator_is_not_called_by_the_body():
    def beside(_task):
        return lambda function: function

    @beside(t1.override(pool="p"))
    def body():
        return t2()

    assert kinds(body).names == ["t2"]


def test_the_kinds_are_the_same_each_time():
    def body():
        return [helper(1), ping(1), t1.override(pool="p")(), t1.override(pool="q")()]

    assert kinds(body).names == kinds(body).names


def test_names_of_functions_that_are_no_task_ids():
    unnamed = task(lambda: None)
    assert kinds(lambda: unnamed()).names == ["lambda"]


def test_two_functions_of_one_name():
    def make():
        @task
        def t1(): ...

        return t1

    other = make()
    found = kinds(lambda: [t1(), other()])
    assert found.names == ["t1", "t1__2"]
    assert {found.match(TaskTarget(t1))[0].name, found.match(TaskTarget(other))[0].name} == {"t1", "t1__2"}


def test_matching():
    found = kinds(lambda: [t1(), big(), t3(), BashOperator])
    assert found.match(TaskTarget(t1.override(task_id="x")))[0].name == "t1"
    assert found.match(TaskTarget(t1.override(pool="big")))[0].settings == {"pool": "big"}
    assert found.match(TaskTarget(t3)) == (found["t3"], None)
    assert found.match(TaskTarget(t3.override(retries=1))) == (found["t3"], 1)
    assert found.match(TaskTarget(t3.override(retries=0))) == (found["t3"], 0)
    assert found.match(OperatorTarget(BashOperator), {}) == (found["BashOperator"], None)
    assert found.match(TaskTarget(t1.override(retries=0))) == (found["t1"], 0)


def test_a_called_workflow_with_another_cache_is_another_kind():
    @dynamic_workflow(cache=Cache("1"))
    def inner(value): ...

    other = inner.override(cache=Cache("2"))

    @dynamic_workflow(tasks=[t1, inner])
    def outer(): ...

    kind, _ = outer.find_kinds().match(WorkflowTarget(inner))
    assert kind.target.workflow.cache == Cache("1")
    with pytest.raises(UnknownKindError, match="cache=Cache"):
        outer.find_kinds().match(WorkflowTarget(other))

    kind, _ = outer.override(tasks=[t1, inner, other]).find_kinds().match(WorkflowTarget(other))
    assert kind.target.workflow.cache == Cache("2")


def test_the_default_number_of_retries_counts():
    found = dynamic_workflow(lambda: t1()).find_kinds(default_retries=3)
    assert found.match(TaskTarget(t1.override(retries=2))) == (found["t1"], 2)
    with pytest.raises(UnknownKindError):
        found.match(TaskTarget(t1.override(retries=4)))


def test_the_kind_with_the_fewest_attempts_to_spare_is_taken():
    few, lots = t1.override(retries=3), t1.override(retries=9)
    found = kinds(lambda: [lots(), few()])
    kind, retries = found.match(TaskTarget(t1.override(retries=2)))
    assert (kind.settings, retries) == ({"retries": 3}, 2)


def call_with(**settings):
    return t1.override(**settings)()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            lambda: call_with(pool="huge"),
            "the Dag file has no task for 't1' with these settings: pool='huge'; only task_id and fewer "
            "retries may differ between its nodes. Define it in the Dag file, as in "
            "big = t1.override(pool='huge'), or list all that the body calls: "
            "@dynamic_workflow(tasks=[..., t1.override(pool='huge')])",
        ),
        (lambda: call_with(retries=5), "with these settings: retries=5"),
        (
            lambda: BashOperator(task_id="a", bash_command="ls", **{"pool": "p"}),  # noqa: PIE804
            "big = functools.partial(BashOperator, pool='p')",
        ),
        (lambda: globals()["unused"](), "the Dag file has no task for 'unused', because neither"),
        (lambda: globals()["recursive"](t1()), "the Dag file has no task for 'recursive'"),
        (
            lambda: getattr(airflow_dynamic_provider, "map" + "_task")(t1)(t1()),
            "the Dag file has no task for a map_task of 't1'",
        ),
        (lambda: task(lambda: None)(), "the Dag file has no task for '<lambda>'"),
    ],
)
def test_nodes_without_a_kind_are_refused(body, message):
    with refused(UnknownKindError, message) as caught:
        dynamic_workflow(body).plan({})
    assert "test_workflow_kinds.py, line" in str(caught.value)


def test_a_node_may_have_fewer_retries():
    made = dynamic_workflow(lambda: t3.override(retries=1)()).plan({})
    assert [(node.kind, node.retries) for node in made.nodes] == [("t3", 1)]


def test_source_that_cannot_be_read_is_no_error():
    code = "from tests.pure.test_workflow_kinds import t1\ndef body():\n    return t1.override(pool='p')()\n"
    held: dict = {}
    exec(code, held)
    assert kinds(held["body"]).names == ["t1"]


def test_reading_the_source_of_a_body_looks_at_no_other_module(monkeypatch):
    def refuse(*_args):
        raise AssertionError("Python looks at the file of every loaded module, in each task's process")

    monkeypatch.setattr(inspect, "getmodule", refuse)
    # A setting in the source, which only reading it shows.
    assert kinds(lambda: t1.override(pool="large")()).names == ["t1", "t1__2"]
