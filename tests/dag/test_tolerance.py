"""Collectors that take failed keys in their stride: min_success_ratio, states, and their trigger rules."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import double, keep, pair
from tests.dag_runs import start_run

PROBLEMS = {"skip": AirflowSkipException("not this one"), "fail": ValueError("broken")}


def produce(outcomes, task_id="produce"):
    """Keys -> "ok", "skip" or "fail", mapped over a task that does just that; a test may change them."""

    @task.dynamic(out=DynamicOut(str), task_id=task_id)
    def produce():
        for key in outcomes:
            yield DynamicOutput(key, mapping_key=key)

    @task(task_id=f"{task_id}_work")
    def work(key):
        if outcomes[key] in PROBLEMS:
            raise PROBLEMS[outcomes[key]]
        return outcomes[key]

    return produce().map(work)


@pytest.mark.parametrize(
    ("outcomes", "ratio", "state"),
    [
        ({"a": "ok", "b": "fail", "c": "ok"}, 0.6, "success"),
        ({"a": "ok", "b": "fail", "c": "ok"}, 0.7, "failed"),
        ({"a": "ok", "b": "fail"}, 0.5, "success"),
        ({"a": "skip", "b": "fail", "c": "ok"}, 0.5, "success"),
        ({"a": "skip", "b": "fail", "c": "ok"}, 0.51, "failed"),
        # 1 - 4 / 5 is less than 0.2 in floating point.
        ({"a": "ok", "b": "fail", "c": "fail", "d": "fail", "e": "fail"}, 0.2, "success"),
        ({"a": "fail", "b": "fail"}, 0, "success"),
        ({"a": "fail", "b": "fail"}, 0.01, "failed"),
        ({"a": "skip", "b": "skip"}, 0.99, "success"),
        ({}, 0.5, "success"),
        ({"a": "ok"}, 0.99, "success"),
    ],
)
def test_a_share_of_the_keys_that_were_not_skipped_must_succeed(outcomes, ratio, state):
    @dag(schedule=None)
    def share():
        handle = produce(outcomes)
        keep(handle.collect(keyed=True, min_success_ratio=ratio))
        keep(handle.map(double).collect(min_success_ratio=ratio))

    run = start_run(share()).run()
    succeeded = {key: "ok" for key, outcome in outcomes.items() if outcome == "ok"}
    assert run.state_of("keep") == run.state_of("keep__1") == state
    assert run.xcom("keep") == (succeeded if state == "success" else None)
    assert run.xcom("keep__1") == (["okok"] * len(succeeded) if state == "success" else None)


def test_states_of_every_key_also_of_those_that_never_started():
    @dag(schedule=None)
    def states():
        handle = produce({"d": "ok", "a": "fail", "c": "skip"})
        keep(handle.states())
        keep(handle.map(double).states())
        keep(produce({}, "none").states())

    run = start_run(states()).run()
    assert run.xcom("keep") == {"d": "success", "a": "failed", "c": "skipped"}
    assert list(run.xcom("keep")) == ["d", "a", "c"]
    assert run.xcom("keep__1") == {"d": "success", "a": "upstream_failed", "c": "skipped"}
    assert run.xcom("keep__2") == {}
    # The failed key is no failure of the run: somebody looks at it.
    assert run.state == "success"


@pytest.mark.parametrize(("problem", "state"), [("fail", "upstream_failed"), ("skip", "skipped")])
def test_other_upstream_tasks_keep_their_meaning(problem, state):
    @task
    def other():
        raise PROBLEMS[problem]

    @dag(schedule=None)
    def others():
        handle = produce({"a": "ok", "b": "fail"})
        stopped = other()
        pair.override(task_id="ratio")(handle.collect(min_success_ratio=0), stopped)
        pair.override(task_id="states")(handle.states(), stopped)
        pair.override(task_id="both")(handle.states(), handle.collect(min_success_ratio=0))

    run = start_run(others()).run()
    assert run.state_of("ratio") == run.state_of("states") == state
    assert run.xcom("both") == [{"a": "success", "b": "failed"}, ["ok"]]


@pytest.mark.parametrize(("problem", "state"), [("fail", "upstream_failed"), ("skip", "skipped")])
def test_a_producer_that_does_not_succeed_ends_tolerant_collectors_too(problem, state):
    @task.dynamic(out=DynamicOut(str))
    def broken():
        raise PROBLEMS[problem]

    @dag(schedule=None)
    def nothing():
        handle = broken().map(double)
        keep(handle.states())
        keep(handle.collect(min_success_ratio=0))

    run = start_run(nothing()).run()
    assert run.state_of("keep") == run.state_of("keep__1") == state


@pytest.mark.parametrize(
    ("rule", "outcomes", "state"),
    [
        ("none_failed", {"a": "fail", "b": "ok"}, "upstream_failed"),
        ("none_failed", {"a": "skip", "b": "ok"}, "success"),
        ("none_failed_min_one_success", {"a": "skip"}, "skipped"),
        ("none_skipped", {"a": "skip", "b": "ok"}, "skipped"),
        ("none_skipped", {"a": "fail", "b": "ok"}, "failed"),
        ("all_done", {"a": "fail", "b": "ok"}, "failed"),
        ("all_done", {"a": "skip", "b": "ok"}, "success"),
    ],
)
def test_a_rule_that_the_author_set_on_a_collector_is_respected(rule, outcomes, state):
    @dag(schedule=None)
    def ruled():
        keep.override(trigger_rule=rule)(produce(outcomes).collect())

    run = start_run(ruled()).run()
    assert run.dag.get_task("keep").trigger_rule == rule
    assert run.state_of("keep") == state


@pytest.mark.parametrize(
    ("rule", "outcomes", "state"),
    [
        ("none_failed", {"a": "fail"}, "upstream_failed"),
        ("all_failed", {"a": "fail", "b": "fail"}, "success"),
        ("all_failed", {"a": "fail", "b": "ok"}, "skipped"),
        ("all_done", {"a": "fail", "b": "ok"}, "success"),
    ],
)
def test_a_rule_that_the_author_set_on_a_reader_of_states_is_respected(rule, outcomes, state):
    @dag(schedule=None)
    def ruled():
        keep.override(trigger_rule=rule)(produce(outcomes).states())

    assert start_run(ruled()).run().state_of("keep") == state


@pytest.mark.parametrize(("problem", "state"), [("fail", "upstream_failed"), ("skip", "skipped")])
def test_clones_that_the_scheduler_ends_before_there_are_any(problem, state):
    @task
    def other():
        raise PROBLEMS[problem]

    @dag(schedule=None)
    def unexpanded():
        handle, stopped = produce({"a": "ok", "b": "ok"}), other()
        used = handle.map(lambda value: pair(value, stopped))
        keep(used.states())
        keep(used.collect(keyed=True, min_success_ratio=0))
        keep(used.zip(handle).map(lambda left, right: pair.override(task_id="joined")(left, right)).states())

    run = start_run(unexpanded()).run()
    # Airflow did not even expand it: there is one instance for all keys.
    assert set(run.instances("pair")) == {-1}
    assert run.xcom("keep") == run.xcom("keep__2") == {"a": state, "b": state}
    assert run.xcom("keep__1") == {}


def test_a_strict_and_a_tolerant_collection_in_one_task_are_strict():
    @dag(schedule=None)
    def both():
        handle = produce({"a": "ok", "b": "fail"})
        pair(handle.collect(), handle.states())

    assert start_run(both()).run().state_of("pair") == "upstream_failed"


def test_a_tolerant_collection_inside_a_map_of_its_own_keys():
    @dag(schedule=None)
    def inside():
        handle = produce({"a": "ok", "b": "fail", "c": "ok"})
        keep(handle.map(lambda value: pair(value, handle.collect(min_success_ratio=0.1))).states())

    run = start_run(inside()).run()
    assert run.xcom("keep") == {"a": "success", "b": "upstream_failed", "c": "success"}
    assert run.xcoms("pair")[0] == ["ok", ["ok", "ok"]]


# Keys that are produced again, while their clones are not run again


def test_a_state_is_never_that_of_another_key_at_the_same_position():
    outcomes = {"a": "ok", "b": "fail", "c": "skip"}

    @dag(schedule=None)
    def states():
        handle = produce(outcomes)
        keep(handle.states())
        keep(handle.map(double).collect(min_success_ratio=0))

    run = start_run(states()).run()
    assert run.xcom("keep") == {"a": "success", "b": "failed", "c": "skipped"}
    outcomes.clear()
    outcomes.update({"a": "ok", "x": "ok", "c": "ok"})
    run.clear("produce", downstream=False)
    run.clear("keep", downstream=False)
    run.clear("keep__1", downstream=False)
    run.run()
    # Nobody has run for x: its position holds the failure of b.
    assert run.state_of("keep") == run.state_of("keep__1") == "failed"
    run.clear("produce")
    run.run()
    assert run.xcom("keep") == {"a": "success", "x": "success", "c": "success"}
    assert run.xcom("keep__1") == ["okok"] * 3


def test_a_skip_of_an_earlier_key_is_not_that_of_the_key_that_ran_before_it_again():
    keys = ["a", "b"]

    @task.dynamic(out=DynamicOut(str))
    def produce_keys():
        for key in keys:
            yield DynamicOutput(key, mapping_key=key)

    @task
    def skip_b(value):
        if value == "b":
            raise AirflowSkipException("not b")

    @dag(schedule=None)
    def states():
        keep(produce_keys().map(keep.override(task_id="first")).map(skip_b).states())

    run = start_run(states()).run()
    assert run.xcom("keep") == {"a": "success", "b": "skipped"}
    keys[1] = "x"
    for task_id in ("produce_keys", "first", "keep"):
        run.clear(task_id, downstream=False)
    run.run()
    # first has run for x, and skip_b has not.
    assert run.state_of("keep") == "failed"
    assert "key 'a': its clone has not run since the keys were produced again" in str(run.errors["keep", -1])


def test_states_are_told_after_the_keys_were_produced_twice():
    outcomes = {"a": "ok", "b": "fail", "c": "ok"}

    @dag(schedule=None)
    def states():
        handle = produce(outcomes)
        keep(handle.states())
        keep(handle.map(double).states())
        keep(handle.collect(keyed=True, min_success_ratio=0))

    run = start_run(states()).run()
    outcomes.clear()
    outcomes.update({"c": "skip", "a": "fail", "d": "ok"})
    run.clear("produce")
    run.run()
    assert run.xcom("keep") == {"c": "skipped", "a": "failed", "d": "success"}
    assert run.xcom("keep__1") == {"c": "skipped", "a": "upstream_failed", "d": "success"}
    assert run.xcom("keep__2") == {"d": "ok"}
