"""A clone and a collector read by key. They never use a value that was stored for another key."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG, dag, task
from airflow.sdk.execution_time import comms

from airflow_dynamic_provider import DynamicOut, DynamicOutput, errors
from tests.task_runs import FakeSupervisor, run_task

KEYS = {"a": 1, "b": 2, "c": 3}


@pytest.fixture
def made():
    @task.dynamic(out=DynamicOut(int))
    def produce(keys=KEYS):
        for key, value in keys.items():
            yield DynamicOutput(value, key)

    @task
    def first(value):
        return value * 10

    @task
    def second(value):
        return value + 1

    @task
    def collect(values):
        return values

    @dag(schedule=None)
    def chain():
        collect(produce().map(first).map(second).collect(keyed=True))

    return chain()


@pytest.fixture
def supervisor(made):
    """All tasks but the collector have succeeded."""
    supervisor = FakeSupervisor()
    run_task(made, "produce", supervisor=supervisor)
    for task_id in ("first", "second"):
        for position in range(3):
            assert run_task(made, task_id, position, supervisor).state == "success"
    return supervisor


def produce_again(made, supervisor, keys):
    """Store what the producing task stores when it alone is cleared and finds other keys."""
    for key in [key for key in supervisor.xcoms if key[0] == "produce"]:
        del supervisor.xcoms[key]
    made.get_task("produce").op_kwargs = {"keys": keys}
    assert run_task(made, "produce", supervisor=supervisor).state == "success"


def collected(supervisor):
    return supervisor.xcoms["collect", -1, "return_value"]


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        (["a", "b"], "it has 2 keys, and 3 were stored"),
        (["c", "b", "a"], "it has 3 keys, and 3 others were stored"),
    ],
    ids=["shortened", "reversed"],
)
def test_a_list_of_keys_that_is_not_whole_is_not_collected(made, supervisor, damaged, told):
    supervisor.xcoms["produce", -1, "return_value"] = damaged
    run = run_task(made, "collect", supervisor=supervisor)
    assert run.state == "failed"
    assert (
        f"Task 'produce': this is not the list of mapping keys that was stored: {told}. "
        "Clear 'produce' with its downstream tasks, so that the keys are listed again."
    ) in run.message


def test_a_list_of_keys_that_an_earlier_release_stored_is_collected(made, supervisor):
    del supervisor.xcoms["produce", -1, "return_value.digest"]
    assert run_task(made, "collect", supervisor=supervisor).state == "success"
    assert collected(supervisor) == {"a": 11, "b": 21, "c": 31}


def test_a_collector_finds_results_by_key_after_the_keys_were_reordered(made, supervisor):
    produce_again(made, supervisor, {"c": 3, "a": 1, "b": 2})
    run_task(made, "collect", supervisor=supervisor)
    assert collected(supervisor) == {"c": 31, "a": 11, "b": 21}


def test_a_collector_leaves_out_what_is_no_longer_a_key(made, supervisor):
    produce_again(made, supervisor, {"b": 2})
    run_task(made, "collect", supervisor=supervisor)
    assert collected(supervisor) == {"b": 21}


def test_a_collector_refuses_to_miss_a_new_key(made, supervisor):
    produce_again(made, supervisor, {"a": 1, "b": 2, "new": 9})
    run = run_task(made, "collect", supervisor=supervisor)
    assert type(run.error) is errors.CollectError
    assert run.message == (
        "Task 'second', output 'result', key 'new': its clone ran for the key 'c', not for this one. "
        "Clear 'second' with its downstream tasks."
    )


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("failed", "key 'b': 1 of 3 keys failed: 'b'. Clear the failed clones"),
        ("upstream_failed", "key 'b': 1 of 3 keys failed: 'b'"),
        ("removed", "key 'b': no clone ran for this key"),
        (None, "key 'b': no clone ran for this key"),
        ("running", "key 'b': its clone is still running. Leave the collector's trigger rule"),
    ],
)
def test_a_collector_names_the_key_that_is_missing(made, supervisor, state, text):
    supervisor.states["second", 1] = state
    run = run_task(made, "collect", supervisor=supervisor)
    assert type(run.error) is errors.CollectError
    assert text in run.message


def test_a_stale_result_of_a_clone_that_was_skipped_later_is_left_out(made, supervisor):
    supervisor.states["second", 1] = "skipped"
    run_task(made, "collect", supervisor=supervisor)
    assert collected(supervisor) == {"a": 11, "c": 31}


def test_a_clone_refuses_a_result_of_another_key(made, supervisor):
    produce_again(made, supervisor, {"c": 3, "a": 1, "b": 2})
    run = run_task(made, "second", 0, supervisor)
    assert type(run.error) is errors.StaleKeyError
    assert run.message == (
        "Task 'first', output 'result', key 'c': its clone at position 0 ran for the key 'a', but this "
        "position now belongs to 'c'. Clear 'first' with its downstream tasks, for all keys."
    )
    # Up to Airflow 3.1, the label is part of the message at the end, not a separate message.
    assert run.label == ("c" if hasattr(comms, "SetRenderedMapIndex") else None)


def test_a_clone_without_an_item_says_so(made, supervisor):
    produce_again(made, supervisor, {"a": 1})
    run = run_task(made, "first", 2, supervisor)
    assert type(run.error) is errors.StaleKeyError
    assert run.message == (
        "Task 'first': produce.result has changed: at position 2 there is no key now. "
        "Clear 'produce' together with its downstream tasks."
    )


def test_a_clone_without_its_upstream_result_says_so(made, supervisor):
    del supervisor.xcoms["first", 1, "dynamic_output.result"]
    run = run_task(made, "second", 1, supervisor)
    assert type(run.error) is errors.StaleKeyError
    assert "Task 'first', output 'result', key 'b': its clone is success and has no result" in run.message


def test_an_unknown_version_is_refused(made, supervisor):
    supervisor.xcoms["produce", -1, "dynamic_output.result.page.0"]["version"] = 99
    run = run_task(made, "first", 0, supervisor)
    assert type(run.error) is errors.LayoutError
    assert "is stored in version 99, but this release reads 1" in run.message


def test_a_class_that_airflow_refuses_to_load_is_named(made, supervisor):
    supervisor.xcoms["produce", -1, "dynamic_output.result.page.0"]["values"][0] = {
        "__classname__": "some.module.Thing",
        "__version__": 1,
        "__data__": {},
    }
    run = run_task(made, "first", 0, supervisor)
    assert type(run.error) is errors.ReadError
    assert "some.module.Thing" in run.message
    assert "[core] allowed_deserialization_classes" in run.message


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        # The class is allowed, but does not exist.
        ({"__classname__": "airflow.no_such.Thing", "__version__": 1, "__data__": {}}, "No module named"),
        ({"__classname__": 1, "__version__": 1, "__data__": {}}, "cannot decode"),
    ],
)
def test_a_value_that_cannot_be_loaded_is_told_with_the_reason(made, supervisor, stored, reason):
    supervisor.xcoms["produce", -1, "dynamic_output.result.page.0"]["values"][0] = stored
    run = run_task(made, "first", 0, supervisor)
    assert type(run.error) is errors.ReadError
    assert reason in run.message
    assert "allowed_deserialization_classes" not in run.message


def test_a_part_that_is_not_there_is_named():
    @task.dynamic(out=DynamicOut(dict))
    def produce():
        yield DynamicOutput({"name": "x"}, "a")

    @task
    def work(value):
        return value

    @dag(schedule=None)
    def selecting():
        produce().map(lambda item: work(item["other"]))

    made, supervisor = selecting(), FakeSupervisor()
    run_task(made, "produce", supervisor=supervisor)
    run = run_task(made, "work", 0, supervisor)
    assert type(run.error) is errors.ReadError
    assert "cannot select ['other'] from a value of type dict: KeyError('other')" in run.message


@pytest.fixture
def whole():
    """Return a Dag that collects produced values directly, and a supervisor after the producing tasks."""

    @task.dynamic(out=DynamicOut(int))
    def outer():
        for number, key in enumerate("ab"):
            yield DynamicOutput(number, key)

    @task.dynamic(out=DynamicOut(int))
    def inner(number):
        for key in "xyz":
            yield DynamicOutput(number, key)

    @task
    def collect(values):
        return dict(values)

    with DAG("whole", schedule=None) as dag:
        produced = outer()
        collect.override(task_id="collect_outer")(produced.collect(keyed=True))
        collect.override(task_id="collect_inner")(produced.map(inner).collect(keyed=True))
    supervisor = FakeSupervisor()
    run_task(dag, "outer", supervisor=supervisor)
    for position in range(2):
        assert run_task(dag, "inner", position, supervisor).state == "success"
    assert run_task(dag, "inner__keys", supervisor=supervisor).state == "success"
    return dag, supervisor


@pytest.mark.parametrize(
    ("producer", "map_index", "keys", "place"),
    [("outer", -1, "ab", "key 'a'"), ("inner", 1, "xyz", "key 'x'")],
)
def test_a_collected_value_is_that_of_its_key(whole, producer, map_index, keys, place):
    dag, supervisor = whole
    stored = supervisor.xcoms[producer, map_index, "dynamic_output.result.all"]
    assert stored["keys"] == list(keys)
    stored["keys"].reverse()
    stored["values"].reverse()
    run = run_task(dag, f"collect_{producer}", supervisor=supervisor)
    assert type(run.error) is errors.CollectError
    assert f"Task {producer!r}, output 'result', {place}: the value that is stored" in run.message
    assert f"in its place belongs to the key {keys[-1]!r}. Clear {producer!r} with" in run.message


@pytest.mark.parametrize("producer", ["outer", "inner"])
def test_values_that_an_earlier_release_has_stored_without_keys_are_read(whole, producer):
    dag, supervisor = whole
    for (_, _, name), stored in supervisor.xcoms.items():
        if name == "dynamic_output.result.all":
            del stored["keys"]
    assert run_task(dag, f"collect_{producer}", supervisor=supervisor).state == "success"


def test_keys_that_were_lost_are_not_left_out_in_silence(whole):
    dag, supervisor = whole
    supervisor.xcoms["outer", -1, "return_value"].pop()
    # As an earlier release has stored it, with fewer fields.
    del supervisor.xcoms["outer", -1, "return_value.digest"]
    run = run_task(dag, "collect_outer", supervisor=supervisor)
    assert type(run.error) is errors.CollectError
    assert "lists 1 keys but stored 2 values: some keys were lost. Clear 'outer'" in run.message
