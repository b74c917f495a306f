"""``collect(lazy=True)`` gives what ``collect()`` gives, read later, at any size and in every shape."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Out, Output
from airflow_dynamic_provider.execution.collected import CollectedMapping, CollectedSequence
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import keep, pair
from tests.dag_runs import start_run

#: What is produced; a test changes it between two runs. "x" and "y" end as they say.
WORLD = SimpleNamespace(values={})

NAMES = {list: "list", dict: "dict", CollectedSequence: "lazy list", CollectedMapping: "lazy dict"}


@pytest.fixture(autouse=True)
def _world():
    WORLD.values = {"a": ["p", "q"], "x": ["r"], "b": [], "y": ["s"], "c": ["q"]}


@task.dynamic(out=DynamicOut(list))
def produce():
    for key, value in WORLD.values.items():
        yield DynamicOutput(value, mapping_key=key)


@task
def work(value, mapping_key=None):
    if mapping_key == "x":
        raise ValueError("as the test says")
    if mapping_key == "y":
        raise AirflowSkipException("as the test says")
    return f"{mapping_key}: {value}"


@task.dynamic(out=DynamicOut(str))
def produce_below(keys, mapping_key=None):
    if mapping_key == "x":
        raise ValueError("as the test says")
    for key in keys:
        yield DynamicOutput(f"{mapping_key}{key}", mapping_key=key)


@task
def finish(value):
    if value == "aq":
        raise AirflowSkipException("as the test says")
    return value + "!"


@task.dynamic(out={"maybe": Out(is_required=False), "other": Out(int)})
def leave_out(keys):
    if keys:
        yield Output(keys, "maybe")
    yield Output(len(keys), "other")


def plain(values):
    if isinstance(values, (dict, CollectedMapping)):
        return {key: plain(value) for key, value in values.items()}
    return list(values) if isinstance(values, CollectedSequence) else values


def kinds(values):
    """What a value is, and what stands in a dict of dicts."""
    name = NAMES[type(values)]
    if isinstance(values, dict) and any(type(each) in (dict, CollectedMapping) for each in values.values()):
        return {key: kinds(each) for key, each in values.items()}
    return name


@task
def look(values):
    return [kinds(values), plain(values)]


def collect_in_all_ways(handle, name, rule="all_success", **options):
    for keyed in (False, True):
        for lazy in (False, True):
            task_id = f"{name}_{'keyed' if keyed else 'listed'}{'_lazily' if lazy else ''}"
            look.override(task_id=task_id, trigger_rule=rule)(
                handle.collect(keyed=keyed, lazy=lazy, **options)
            )


def check(run, name, expected, leaves="lazy dict", map_index=-1):
    """Check the four collections; ``leaves`` says what the keyed lazy one is."""
    listed = []

    def flatten(value):
        for each in value.values():
            flatten(each) if isinstance(each, dict) else listed.append(each)

    flatten(expected)
    kind = dict.fromkeys(leaves, "dict") if isinstance(leaves, dict) else "dict"

    def xcom(how):
        return run.xcom(f"{name}_{how}", map_index=map_index)

    assert xcom("keyed") == [kind, expected], run.errors
    assert xcom("keyed_lazily") == [leaves, expected], run.errors
    assert xcom("listed") == ["list", listed]
    assert xcom("listed_lazily") == ["lazy list", listed]


def test_results_and_produced_values_and_what_is_left_out():
    @dag(schedule=None)
    def flat():
        produced = produce()
        worked = produced.map(work)
        collect_in_all_ways(produced, "produced")
        collect_in_all_ways(worked, "worked", min_success_ratio=0.5)
        collect_in_all_ways(worked, "too_many", min_success_ratio=0.9)
        collect_in_all_ways(produced.map(leave_out).maybe, "optional")

    run = start_run(flat()).run()
    found = {key: f"{key}: {WORLD.values[key]}" for key in "abc"}
    check(run, "worked", found)
    for how in ("keyed", "keyed_lazily", "listed", "listed_lazily"):
        assert run.state_of(f"too_many_{how}") == "failed"
        assert "1 of 4 keys failed: 'x'; min_success_ratio=0.9 allows 0" in str(
            run.errors[f"too_many_{how}", -1]
        )
    assert run.xcom("produced_keyed_lazily") == ["lazy dict", WORLD.values]
    assert run.xcom("produced_listed_lazily") == ["lazy list", list(WORLD.values.values())]
    maybe = {key: value for key, value in WORLD.values.items() if value}
    assert run.xcom("optional_keyed_lazily") == ["lazy dict", maybe]
    assert run.xcom("optional_listed_lazily") == ["lazy list", list(maybe.values())]


def test_keys_below_keys_inside_and_outside_a_map():
    @dag(schedule=None)
    def nested():
        def body(keys):
            finished = produce_below(keys).map(finish)
            collect_in_all_ways(finished, "inside")
            return finished

        collect_in_all_ways(produce().map(body), "outside", min_success_ratio=0.5)

    run = start_run(nested()).run()
    outside = {"a": {"p": "ap!"}, "b": {}, "y": {"s": "ys!"}, "c": {"q": "cq!"}}
    check(run, "outside", outside, leaves=dict.fromkeys(outside, "lazy dict"))
    for position, key in enumerate(WORLD.values):
        if key != "x":
            check(run, "inside", outside[key], map_index=position)


def test_joined_keys():
    @task.dynamic(out=DynamicOut(str))
    def others():
        yield DynamicOutput("c of others", "c")
        yield DynamicOutput("d of others", "d")

    @dag(schedule=None)
    def joined():
        worked, other = produce().map(work), others()
        collect_in_all_ways(worked.zip(other, how="outer"), "outer", min_success_ratio=0)
        paired = worked.product(other).map(pair)
        collect_in_all_ways(paired, "paired", min_success_ratio=0)

    run = start_run(joined()).run()
    text = {key: f"{key}: {WORLD.values[key]}" for key in "abc"}
    outer = {"a": [text["a"], None], "b": [text["b"], None], "c": [text["c"], "c of others"]}
    check(run, "outer", {**outer, "d": [None, "d of others"]})
    pairs = {key: {at: [text[key], f"{at} of others"] for at in "cd"} for key in text}
    check(run, "paired", pairs, leaves=dict.fromkeys(pairs, "lazy dict"))


def test_no_keys():
    WORLD.values = {}

    @dag(schedule=None)
    def none():
        produced = produce()
        collect_in_all_ways(produced, "produced")
        collect_in_all_ways(produced.map(work), "worked")
        collect_in_all_ways(produced.map(lambda keys: produce_below(keys).map(finish)), "nested")

    run = start_run(none()).run()
    for name in ("produced", "worked"):
        check(run, name, {})
    # Of nested keys it is a dict of lazy mappings, of which there is none.
    check(run, "nested", {}, leaves="dict")


def test_a_producing_task_that_was_skipped():
    @task.dynamic(out=DynamicOut(list))
    def skipped():
        raise AirflowSkipException("as the test says")
        yield

    @dag(schedule=None)
    def ruled():
        handle = skipped()
        collect_in_all_ways(handle.map(work), "ruled", rule="all_done")
        collect_in_all_ways(
            handle.map(lambda keys: produce_below(keys).map(finish)), "nested", rule="all_done"
        )
        collect_in_all_ways(handle.map(work), "plain")

    run = start_run(ruled()).run()
    check(run, "ruled", {})
    check(run, "nested", {}, leaves="dict")
    assert {run.state_of(f"plain_{how}") for how in ("keyed", "keyed_lazily")} == {"skipped"}


def test_no_keys_of_an_output_that_is_not_required():
    @task.dynamic(out=DynamicOut(list, is_required=False))
    def nothing():
        return []

    @dag(schedule=None)
    def none():
        keep(nothing().map(work).collect(lazy=True))

    assert start_run(none()).run().state_of("keep") == "skipped"


def test_values_that_were_made_before_the_keys_were_reordered():
    @dag(schedule=None)
    def alone():
        collect_in_all_ways(produce().map(work), "worked")

    WORLD.values = {"a": ["p"], "b": [], "c": ["q"]}
    run = start_run(alone()).run()
    WORLD.values = {"c": ["new"], "a": ["p"]}
    run.clear("produce", downstream=False)
    for how in ("keyed", "keyed_lazily", "listed", "listed_lazily"):
        run.clear(f"worked_{how}", downstream=False)
    run.run()
    check(run, "worked", {"c": "c: ['q']", "a": "a: ['p']"})
