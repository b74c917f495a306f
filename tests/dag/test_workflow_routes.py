"""The graphs of workflows, as the pages get them."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_workflow
from tests.api_server import ApiServer
from tests.dag_runs import start_run

FAILING: set[str] = set()


@task
def step(name, *_upstream):
    if name in FAILING:
        raise ValueError("as the test says")
    return name


def node(name, *upstream):
    return step.override(task_id=name)(name, *upstream)


@dynamic_workflow(failure_policy="run_all")
def graph():
    first = node("first")
    return node("last", node("second", first), node("third", first))


@dag(schedule=None)
def one_graph():
    graph()


@task.dynamic(out=DynamicOut(str))
def letters():
    for letter in "ab":
        yield DynamicOutput(letter, mapping_key=letter)


@dynamic_workflow
def part(letter):
    return node("only", node("before"))


@dag(schedule=None)
def graph_per_key():
    letters().map(part)


@dynamic_workflow
def inner(count):
    return [node(f"node {number}") for number in range(count)]


@task
def give(value):
    return value


@dynamic_workflow
def outer():
    return give(inner(give(2)))


@dag(schedule=None)
def growing():
    outer()


@pytest.fixture(scope="module")
def server(airflow_database):
    return ApiServer()


@pytest.fixture(autouse=True)
def nothing_fails(airflow_database, execution_api):
    FAILING.clear()


def look(server, run, path, status=200, **parameters):
    answer = server.get(f"/dags/{run.dag.dag_id}/runs/{run.run_id}/{path}", **parameters)
    assert answer.status_code == status, answer.text
    return answer.json()


def states(found):
    return {each["name"]: each["state"] for each in found["nodes"]}


def test_a_graph_in_which_a_node_failed(server):
    FAILING.add("second")
    run = start_run(one_graph()).run()
    found = look(server, run, "workflows/graph")
    assert states(found) == {"first": "success", "second": "failed", "third": "success", "last": "skipped"}
    reasons = {each["name"]: each["reason"] for each in found["nodes"]}
    assert reasons == {
        "first": None,
        "second": "ValueError: as the test says",
        "third": None,
        "last": "'second', which it depends on, has failed",
    }
    assert sorted(found["edges"]) == [
        ["first", "second"],
        ["first", "third"],
        ["second", "last"],
        ["third", "last"],
    ]
    (workflow,) = look(server, run, "outputs")["workflows"]
    assert workflow["counts"] == {"failed": 1, "skipped": 1, "success": 2}
    assert workflow["state"] == "failed"


def test_before_it_is_planned(server):
    run = start_run(one_graph())
    found = look(server, run, "workflows/graph")
    assert (found["nodes"], found["edges"]) == ([], [])
    assert found["message"] == "The nodes are not known yet: 'graph.plan' has not ended."
    (workflow,) = look(server, run, "outputs")["workflows"]
    assert workflow["nodes"] is None


def test_a_graph_for_each_key(server):
    run = start_run(graph_per_key()).run()
    found = look(server, run, "workflows/part")
    assert (found["keys"], found["key_path"]) == ([["a"], ["b"]], ["a"])
    other = look(server, run, "workflows/part", key='["b"]')
    assert other["key_path"] == ["b"]
    assert states(other) == {"before": "success", "only": "success"}
    assert {each["map_index"] for each in found["nodes"]}.isdisjoint(
        {each["map_index"] for each in other["nodes"]}
    )
    gone = look(server, run, "workflows/part", 404, key='["c"]')
    assert gone["detail"] == "There is no key 'c' in the workflow 'part'."


def test_a_graph_that_grew(server):
    run = start_run(growing()).run()
    found = look(server, run, "workflows/outer")
    assert set(states(found).values()) == {"success"}
    assert sorted(found["edges"]) == [
        ["give", "inner"],
        ["inner", "inner/node 0"],
        ["inner", "inner/node 1"],
        ["inner/node 0", "give-2"],
        ["inner/node 1", "give-2"],
    ]


def test_a_workflow_that_is_not_there(server):
    run = start_run(one_graph()).run()
    gone = look(server, run, "workflows/other", 404)
    assert gone["detail"] == "There is no workflow 'other' in the Dag 'one_graph'."
