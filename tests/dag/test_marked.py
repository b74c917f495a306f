"""Task instances that a person marks as success although they failed or never ran: the others go on."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from tests.dag.tasks import keep, pair
from tests.dag_runs import start_run

ABC = ["a", "b", "c"]

#: The tasks and keys that fail; a test changes it between two runs.
FAILING: set[tuple[str, str]] = set()

#: Airflow lets a task wait before it tries again; nothing here ever should.
RETRIES = {"retries": 3, "retry_delay": timedelta(seconds=0)}


@pytest.fixture(autouse=True)
def _failing():
    FAILING.clear()


def fail_if_asked(task_id, key):
    if (task_id, key) in FAILING:
        raise ValueError("as the test says")


@task.dynamic(out=DynamicOut(str))
def produce():
    fail_if_asked("produce", "")
    for key in ABC:
        yield DynamicOutput(key, mapping_key=key)


@task.dynamic(out=DynamicOut(str))
def produce_below(outer):
    fail_if_asked("produce_below", outer)
    for key in "xy" if outer != "c" else "":
        yield DynamicOutput(outer + key, mapping_key=key)


@task
def work(value, mapping_key=None):
    fail_if_asked("work", mapping_key)
    return f"{mapping_key}!"


@task(**RETRIES)
def use(value):
    return value + "?"


@pytest.fixture
def warnings():
    """What this package has warned of in the logs of the tasks."""
    found: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record):
            found.append(record.getMessage())

    handler, logger = Handler(logging.WARNING), logging.getLogger("airflow_dynamic_provider")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.WARNING)
    yield found
    logger.setLevel(level)
    logger.removeHandler(handler)


def left_out(of, keys):
    reason = "because their clones were marked as success and left no value"
    return f"Left out of the collection of {of}, {reason}: {keys}"


def errors_of(run):
    """(task, map index) -> the message of its last error; what had only to wait has none."""
    return {at: str(error) for at, error in run.errors.items() if error is not None}


@dag(schedule=None)
def collecting():
    worked = produce().map(work)
    keep(worked.collect())
    keep.override(task_id="keyed")(worked.collect(keyed=True))
    keep.override(task_id="tolerant")(worked.collect(keyed=True, min_success_ratio=0.99))
    keep.override(task_id="states")(worked.states())


def test_a_failed_clone_that_is_marked_is_left_out_and_named(warnings):
    FAILING.add(("work", "b"))
    run = start_run(collecting()).run()
    assert run.state == "failed"
    run.mark("work", 1).clear("states").run()
    assert run.state == "success", run.errors
    assert run.xcom("keep") == ["a!", "c!"]
    assert run.xcom("keyed") == run.xcom("tolerant") == {"a": "a!", "c": "c!"}
    assert run.xcom("states") == {"a": "success", "b": "success", "c": "success"}
    assert warnings == [left_out("work.result", "'b'")] * 3


def test_a_marked_key_counts_neither_as_succeeded_nor_as_failed():
    FAILING.update({("work", "b"), ("work", "c")})

    @dag(schedule=None)
    def ratio():
        worked = produce().map(work)
        keep(worked.collect(min_success_ratio=0.5))
        keep.override(task_id="more")(worked.collect(min_success_ratio=0.51))

    run = start_run(ratio()).run()
    run.mark("work", 1).clear("keep").clear("more").run()
    # One of two, and not one of three.
    assert (run.xcom("keep"), run.state_of("more")) == (["a!"], "failed")


def test_all_clones_may_be_marked_before_there_are_any():
    run = start_run(collecting())
    (first,) = run._schedule()
    run.mark("work")
    run._execute(first)
    run.run()
    assert run.state == "success", run.errors
    assert (run.xcom("keep"), run.xcom("keyed")) == ([], {})
    assert run.xcom("states") == dict.fromkeys(ABC, "success")


@dag(schedule=None)
def chain():
    keep(produce().map(lambda value: use(work(value))).collect(keyed=True))


def test_a_task_of_the_key_that_needs_the_value_fails_at_once():
    FAILING.add(("work", "b"))
    run = start_run(chain()).run().mark("work", 1).run()
    assert run.tries()["use", 1] == 1
    assert errors_of(run) == {
        (
            "use",
            1,
        ): "Task 'work', output 'result', key 'b': its clone was marked as success and left no value. "
        "Clear 'work' for this key, with its downstream tasks."
    }
    assert run.mark("use", 1).run().xcom("keep") == {"a": "a!?", "c": "c!?"}


def test_a_clone_that_never_ran_may_be_marked():
    FAILING.add(("work", "b"))
    run = start_run(chain()).run().mark("use", 1).run()
    assert run.xcom("keep") == {"a": "a!?", "c": "c!?"}


def test_a_task_with_a_rule_of_its_own_gets_none():
    FAILING.add(("work", "b"))

    @dag(schedule=None)
    def ruled():
        produce().map(lambda value: keep.override(task_id="kept", trigger_rule="all_done")(work(value)))

    run = start_run(ruled()).run().mark("work", 1).clear("kept", 1).run()
    assert run.xcom("kept", map_index=1) is None
    assert run.state_of("kept", 1) == "success"


def test_a_value_that_was_there_before_is_not_taken_from_an_earlier_try():
    run = start_run(chain()).run()
    FAILING.add(("work", "b"))
    run.clear("work", 1).run().mark("work", 1).run().mark("use", 1).run()
    assert run.xcom("keep") == {"a": "a!?", "c": "c!?"}


def test_a_clone_that_succeeded_and_is_cleared_and_marked_before_it_starts_keeps_its_value():
    run = start_run(chain()).run()
    run.clear("work", 1).mark("work", 1).run()
    assert run.xcom("keep") == {key: f"{key}!?" for key in ABC}


@pytest.mark.parametrize("state", ["failed", "skipped"])
def test_a_clone_that_is_marked_otherwise_is_what_it_is_marked_as(state):
    run = start_run(collecting()).run().mark("work", 1, state)
    for task_id in ("keep", "keyed", "tolerant", "states"):
        run.clear(task_id)
    run.run()
    assert run.xcom("states") == {"a": "success", "b": state, "c": "success"}
    if state == "skipped":
        assert run.xcom("keyed") == {"a": "a!", "c": "c!"}
    else:
        assert run.state_of("keyed") == "upstream_failed"


def delete_xcoms(run, task_id, map_index, *keys):
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        of_clone = (XComModel.task_id == task_id, XComModel.map_index == map_index, XComModel.key.in_(keys))
        session.execute(delete(XComModel).where(XComModel.run_id == run.run_id, *of_clone))


def test_a_value_that_was_deleted_is_an_error_and_never_left_out():
    run = start_run(collecting()).run()
    delete_xcoms(run, "work", 1, "dynamic_output.result")
    run.clear("keyed").run()
    assert errors_of(run) == {
        (
            "keyed",
            -1,
        ): "Task 'work', output 'result', key 'b': its clone succeeded, but its result no longer "
        "exists. Clear 'work' with its downstream tasks."
    }


# After the keys were listed more than once


def test_a_clone_is_marked_after_the_producing_task_ran_again():
    run = start_run(chain()).run()
    FAILING.add(("work", "b"))
    run.clear("produce").run().mark("work", 1).run().mark("use", 1).run()
    assert run.xcom("keep") == {"a": "a!?", "c": "c!?"}


def test_a_clone_that_never_ran_is_marked_after_a_retry_of_the_producing_task():
    FAILING.update({("produce", ""), ("work", "b")})

    @dag(schedule=None)
    def retried():
        handle = produce().map(lambda value: use(work(value)))
        keep(handle.collect(keyed=True))
        keep.override(task_id="states")(handle.states())

    run = start_run(retried()).run()
    FAILING.remove(("produce", ""))
    # Its first list of keys is of its second try.
    run.clear("produce").run().mark("use", 1).clear("states").run()
    assert run.xcom("keep") == {"a": "a!?", "c": "c!?"}, errors_of(run)
    assert run.xcom("states") == dict.fromkeys(ABC, "success")


def test_a_clone_that_holds_the_result_of_another_key_is_never_left_out():
    run = start_run(chain()).run()
    try:
        ABC[:] = ["a", "x", "c"]
        run.clear("produce", downstream=False).clear("keep", downstream=False).run()
    finally:
        ABC[:] = ["a", "b", "c"]
    assert errors_of(run) == {
        (
            "keep",
            -1,
        ): "Task 'use', output 'result', key 'x': its clone ran for the key 'b', not for this one. "
        "Clear 'use' with its downstream tasks."
    }


def test_a_marked_clone_that_still_holds_the_result_of_another_key_is_never_left_out():
    run = start_run(collecting()).run()
    try:
        ABC[:] = ["c", "b", "a"]
        run.clear("produce")
        (first,) = run._schedule()
        run._execute(first)
        run.mark("work", 2).run()
    finally:
        ABC[:] = ["a", "b", "c"]
    # The clone at the last position is now that of a, and holds what it returned for c.
    assert errors_of(run)["keyed", -1].startswith(
        "Task 'work', output 'result', key 'a': its clone ran for the key 'c', not for this one. "
    )


def test_keys_that_are_listed_in_another_order_while_their_clones_run_end_in_errors_that_name_the_remedy():
    @dag(schedule=None)
    def reordered():
        keep(produce().map(lambda value: keep.override(task_id="after")(work(value))).collect())

    run = start_run(reordered())
    for _ in range(2):
        for ti in run._schedule():
            run._execute(ti)
    try:
        ABC[:] = ["c", "b", "a"]
        run.clear("produce", downstream=False).run()
    finally:
        ABC[:] = ["a", "b", "c"]
    for position, key, other in ((0, "c", "a"), (2, "a", "c")):
        assert errors_of(run)["after", position] == (
            f"Task 'work', output 'result', key {key!r}: its clone at position {position} ran for the key "
            f"{other!r}, but this position now belongs to {key!r}. "
            "Clear 'work' with its downstream tasks, for all keys."
        )
    assert run.state_of("keep") == "upstream_failed"


# Tasks that list keys


# A collector that needs all keys has failed with the clones, one of states runs and says why.
@pytest.mark.parametrize(("how", "state"), [("states", "failed"), ("collect", "upstream_failed")])
def test_a_producing_task_that_is_marked_has_no_keys_and_whoever_needs_them_fails_at_once(how, state):
    FAILING.add(("produce", ""))

    @dag(schedule=None)
    def unlisted():
        handle = produce()
        keep.override(task_id="used", **RETRIES)(handle.collect())
        worked = handle.map(work)
        keep.override(task_id="mapped", **RETRIES)(worked.states() if how == "states" else worked.collect())

    run = start_run(unlisted()).run().mark("produce").run()
    assert run.tries()["used", -1] == 1
    message = (
        "Task 'produce': was marked as success and left no keys. Clear it together with its downstream "
        "tasks, so that it lists them."
    )
    found = errors_of(run)
    assert found["used", -1] == message
    # Airflow cannot expand what is mapped over it.
    assert run.states("work") == {-1: "upstream_failed"}
    assert run.state_of("mapped") == state
    assert found.get(("mapped", -1)) == (message if state == "failed" else None)


@dag(schedule=None)
def nested():
    @task
    def gather(values):
        return values

    def body(outer):
        inner = produce_below(outer).map(work)
        gather(inner.collect())
        return inner

    inner = produce().map(body)
    keep.override(task_id="flat")(inner.collect())
    keep.override(task_id="deep")(inner.collect(keyed=True))
    keep.override(task_id="states")(inner.states())


def test_a_marked_clone_that_produces_keys_is_left_out_with_what_would_be_below(warnings):
    FAILING.add(("produce_below", "b"))
    run = start_run(nested()).run().mark("produce_below", 1)
    run.clear("produce_below__keys").run()
    assert run.xcom("flat") == ["a/x!", "a/y!"]
    assert run.xcom("deep") == {"a": {"x": "a/x!", "y": "a/y!"}, "c": {}}
    assert run.xcom("states") == {"a": {"x": "success", "y": "success"}, "b": "success", "c": {}}
    assert left_out("work.result", "'b'") in warnings
    # Inside, nobody knows what there would be to collect.
    assert run.states("gather") == {"a": "success", 1: "upstream_failed", "c": "success"}
    assert errors_of(run) == {
        (
            "gather__gate",
            1,
        ): "the task that produces the keys of work.result was marked as success and left no keys."
    }


def test_a_marked_clone_below_a_key_is_left_out_inside_and_outside():
    FAILING.add(("work", "a/x"))
    run = start_run(nested()).run().mark("work", 0).run()
    assert run.xcom("deep") == {"a": {"y": "a/y!"}, "b": {"x": "b/x!", "y": "b/y!"}, "c": {}}
    assert run.xcoms("gather") == {0: ["a/y!"], 1: ["b/x!", "b/y!"], 2: []}


def test_of_a_zip_a_key_with_a_marked_side_is_left_out_and_its_clone_fails_at_once():
    FAILING.add(("work", "b"))

    @dag(schedule=None)
    def zipped():
        handle = produce()
        both = handle.map(work).zip(produce.override(task_id="others")().map(keep))
        keep.override(task_id="pairs")(both.collect(keyed=True))
        both.map(lambda left, right: pair.override(task_id="joined", **RETRIES)(left, right))

    run = start_run(zipped()).run().mark("work", 1).run()
    assert run.xcom("pairs") == {"a": ["a!", "a"], "c": ["c!", "c"]}
    assert (run.state_of("joined", 1), run.tries()["joined", 1]) == ("failed", 1)
    assert "'work', output 'result', key 'b': its clone was marked as success" in errors_of(run)["joined", 1]


def test_a_marked_gate_opens_no_way_to_an_empty_collection():
    FAILING.add(("produce_below", "b"))
    run = start_run(nested()).run().mark("gather__gate", 1).run()
    assert run.states("gather")["b"] == "failed"
    run.mark("produce_below", 1).clear("produce_below__keys").run().mark("gather__gate", 1).run()
    assert errors_of(run)["gather", 1] == (
        "Task 'work', output 'result', key 'b': the clone that produces the keys below this one was marked "
        "as success and left none. Clear it with its downstream tasks."
    )
