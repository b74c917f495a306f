"""Workflows beside what else a Dag has: upstream tasks, consumers, dynamic outputs, maps, settings."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from airflow.sdk import DAG, TaskGroup, task

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    add_output_metadata,
    dynamic_workflow,
    map_task,
)
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import double, keep, pair
from tests.dag.workflow_tasks import add, my_dynamic_subwf, square, t1, total
from tests.workflow_runs import run_workflows

ATTEMPTS: dict[str, int] = {}


class Summary(NamedTuple):
    total: int
    parts: list[int]


@task
def count():
    return 2


@task
def join(strings, number):
    return [*strings, number]


@task.dynamic(out=DynamicOut(int))
def counts():
    for key, number in (("a", 2), ("b", 0), ("c/d", 3)):
        yield DynamicOutput(number, mapping_key=key)


@task.dynamic(out=DynamicOut(int))
def no_counts():
    yield from ()


@task.dynamic(out=DynamicOut(int))
def inner_counts(number):
    for inner in range(number):
        yield DynamicOutput(inner, mapping_key=f"i{inner}")


@task
def measured(number):
    add_output_metadata({"measured": number})
    return number


@task(retries=2, retry_delay=0.01, pool="default_pool", queue="special")
def flaky(name, failures):
    ATTEMPTS[name] = ATTEMPTS.get(name, 0) + 1
    if ATTEMPTS[name] <= failures:
        raise ValueError(f"{name} is flaky")
    return ATTEMPTS[name]


@dynamic_workflow
def summarize(number: int) -> Summary:
    parts = [square(each) for each in range(number + 1)]
    return Summary(total(parts), parts)


@dynamic_workflow
def per_key(number):
    return [add(t1(each), "x") for each in range(number)]


@dynamic_workflow
def per_key_later(number):
    """Planned in two steps in each key, and one key's graph has no nodes."""
    if number == 0:
        return []
    return map_task(square)(map_task(add)([*range(number)]))


@dynamic_workflow
def choosy(number):
    if number == 0:
        raise AirflowSkipException("nothing to do")
    if number == 3:
        raise ValueError("three is too many")
    return add(number)


@dynamic_workflow
def tries():
    elsewhere = flaky.override(task_id="elsewhere", queue="large")("other", 0)
    return [flaky("all", 2), measured.override(task_id="metered")(4), elsewhere]


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    ATTEMPTS.clear()
    with DAG("surroundings", schedule=None) as dag:
        whole = my_dynamic_subwf(count())
        keep(whole)
        strings, number = my_dynamic_subwf(1)
        join(strings, double(number))
        summary = summarize(count())
        pair(summary["total"], summary["parts"])
        tries()
        keys = counts()
        collected = keys.map(lambda number: double(per_key(number))).collect(keyed=True)
        keep.override(task_id="keep_mapped")(collected)
        later = keys.map(per_key_later)
        keep.override(task_id="keep_later")(later.collect(keyed=True))
        keep.override(task_id="keep_none")(no_counts().map(per_key.override(task_id="none")).collect())
        chosen = keys.map(choosy)
        keep.override(task_id="keep_chosen")(chosen.collect(keyed=True, min_success_ratio=0.5))
        keep.override(task_id="keep_states")(chosen.states())
        nested = keys.map(lambda number: inner_counts(number).map(per_key.override(task_id="nested")))
        keep.override(task_id="keep_nested")(nested.collect(keyed=True))
    return run_workflows(dag, is_scheduled=True)


def test_inputs_from_upstream_tasks_and_the_whole_output_downstream(run):
    assert run.xcom("keep") == (["fast-0", "fast-1"], 5) == my_dynamic_subwf.local(2)


def test_the_items_of_the_output_are_unpacked(run):
    assert run.xcom("join") == ["fast-0", 10]


def test_the_fields_of_the_output_are_found_by_name(run):
    assert run.xcom("pair") == [5, [0, 1, 4]]


def test_two_calls_of_one_workflow_are_two_groups(run):
    assert set(run.nodes("my_dynamic_subwf")) == {"t1", "t1-2"}
    assert set(run.nodes("my_dynamic_subwf__1")) == {"t1"}


def test_each_key_of_a_map_has_a_graph_of_its_own(run):
    expected = {"a": ["fast-0x", "fast-1x"] * 2, "b": [], "c/d": ["fast-0x", "fast-1x", "fast-2x"] * 2}
    assert run.xcom("keep_mapped") == expected
    labels = {node for node in run.nodes("per_key") if node.endswith(("add", "t1"))}
    assert labels == {"a/add", "a/t1", "c/d/add", "c/d/t1"}


def test_nodes_are_planned_later_in_each_key(run):
    expected = {"a": [1, 4], "b": [], "c/d": [1, 4, 9]}
    assert run.xcom("keep_later") == expected
    assert {"a": per_key_later.local(2), "b": [], "c/d": per_key_later.local(3)} == expected


def test_no_keys_no_graphs(run):
    assert run.xcom("keep_none") == []
    assert run.nodes("none") == {}


def test_a_key_whose_plan_fails_or_is_skipped_concerns_itself_only(run):
    assert run.xcom("keep_chosen") == {"a": 3}
    assert run.xcom("keep_states") == {"a": "success", "b": "skipped", "c/d": "failed"}
    assert run.states("choosy.plan") == {"a": "success", "b": "skipped", "c/d": "failed"}
    assert "There is no plan: the state of 'choosy.plan' is failed." in run.error("choosy.result", 2)


def test_keys_below_keys_have_graphs_too(run):
    assert run.xcom("keep_nested") == {
        "a": {"i0": [], "i1": ["fast-0x"]},
        "b": {},
        "c/d": {"i0": [], "i1": ["fast-0x"], "i2": ["fast-0x", "fast-1x"]},
    }


def test_a_node_has_its_own_retries_settings_and_metadata(run):
    nodes = run.nodes("tries")
    assert run.result("tries") == [3, 4, 1]
    assert (nodes["flaky"].tries, nodes["elsewhere"].tries) == (3, 1)
    mapped = run.dag.get_task("tries.flaky")
    assert (mapped.pool, mapped.queue, mapped.retries) == ("default_pool", "special", 2)
    assert run.dag.get_task(nodes["elsewhere"].task_id).queue == "large"
    node = nodes["metered"]
    assert "measured" in str(run.xcom(node.task_id, "output_metadata", node.map_index))


def test_the_nodes_of_a_task_group_in_a_body_bear_its_name():
    @dynamic_workflow
    def grouped(number):
        with TaskGroup("first") as first:
            squares = [square(each) for each in range(number)]
        with TaskGroup("then") as then:
            whole = total(squares)
            with TaskGroup("inside"):
                more = add(whole, 1)
        first >> then
        return more

    with DAG("groups", schedule=None) as dag:
        keep(grouped(count()))
    run = run_workflows(dag)
    assert run.xcom("keep") == 2
    labels = [label for task_id in dag.task_ids for label in run.states(task_id) if isinstance(label, str)]
    assert sorted(labels) == ["first/square", "first/square-2", "then/inside/add", "then/total"]
