"""Two dynamic outputs joined by key, or each key with each."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, get_mapping_key_path
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import keep, pair
from tests.dag_runs import start_run

LEFT = {"b": 1, "a": 2, "c": 3}
RIGHT = {"c": "x", "d": "y", "b": "z"}


def producer(values, task_id):
    """A task that produces ``values``, a dict of key -> value."""

    @task.dynamic(out=DynamicOut(), task_id=task_id)
    def produce():
        for key, value in values.items():
            yield DynamicOutput(value, mapping_key=key, metadata={task_id: value})

    return produce()


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("inner", {"b": [1, "z"], "c": [3, "x"]}),
        ("outer", {"b": [1, "z"], "a": [2, None], "c": [3, "x"], "d": [None, "y"]}),
    ],
)
def test_zip_joins_by_key_and_never_by_position(how, expected):
    @dag(schedule=None)
    def zipped():
        joined = producer(LEFT, "left").zip(producer(RIGHT, "right"), how=how)
        keep(joined.map(pair).collect(keyed=True))
        keep(joined.map(pair).map(keep.override(task_id="chained")).collect())
        keep(joined.collect(keyed=True))
        keep(joined.collect())

    run = start_run(zipped()).run()
    assert run.xcom("keep") == run.xcom("keep__2") == expected
    assert list(run.xcom("keep")) == list(expected)
    assert run.xcom("keep__1") == run.xcom("keep__3") == list(expected.values())
    assert run.states("pair") == dict.fromkeys(expected, "success")


def test_a_strict_zip_wants_the_same_keys():
    @dag(schedule=None)
    def strict():
        same = producer(LEFT, "same").zip(producer(dict(reversed(LEFT.items())), "reversed"), how="strict")
        keep(same.map(pair).collect(keyed=True))
        other = producer(LEFT, "left").zip(producer(RIGHT, "right"), how="strict")
        keep.override(task_id="never")(other.map(pair).collect())

    run = start_run(strict()).run()
    assert run.xcom("keep") == {"b": [1, 1], "a": [2, 2], "c": [3, 3]}
    assert run.state_of("left_zip_right__keys") == "failed"
    assert run.state_of("never") == "upstream_failed"


def test_mapped_handles_are_zipped_after_all_their_clones():
    @task
    def fail_on_b(value, mapping_key=None):
        if mapping_key == "b":
            raise ValueError("b is broken")
        return value

    @task
    def skip_on_c(value, mapping_key=None):
        if mapping_key == "c":
            raise AirflowSkipException("not c")
        return value

    @dag(schedule=None)
    def zipped():
        left = producer(LEFT, "left").map(fail_on_b)
        right = producer(RIGHT, "right").map(skip_on_c)
        joined = left.zip(right, how="outer")
        results = joined.map(pair)
        keep(results.states())
        keep(results.collect(keyed=True, min_success_ratio=0))
        keep(joined.states())
        keep(joined.collect(keyed=True, min_success_ratio=0))

    run = start_run(zipped()).run()
    assert run.xcom("keep") == {"b": "upstream_failed", "a": "success", "c": "skipped", "d": "success"}
    assert run.xcom("keep__1") == run.xcom("keep__3") == {"a": [2, None], "d": [None, "y"]}
    assert run.xcom("keep__2") == {"b": "failed", "a": "success", "c": "skipped", "d": "success"}


def test_a_failure_on_one_side_wins_over_a_skip_on_the_other():
    @task
    def fail(value):
        raise ValueError("broken")

    @task
    def skip(value):
        raise AirflowSkipException("not this one")

    @dag(schedule=None)
    def zipped():
        handle = producer({"a": 1}, "numbers")
        skipped, failed = handle.map(skip), handle.map(fail)
        keep(skipped.zip(failed).map(pair).states())
        keep(skipped.zip(failed).states())

    run = start_run(zipped()).run()
    assert (run.xcom("keep"), run.xcom("keep__1")) == ({"a": "upstream_failed"}, {"a": "failed"})


@task
def fail_for_a(number):
    if number == LEFT["a"]:
        raise ValueError("a is bad")
    return number


def test_what_collects_a_join_stops_only_for_its_own_keys():
    @dag(schedule=None)
    def collected():
        worked = producer(LEFT, "left").map(fail_for_a)
        keep(worked.zip(producer(RIGHT, "right")).collect(keyed=True))
        keep.override(task_id="all_pairs")(worked.product(producer({}, "nothing")).collect())
        keep.override(task_id="stopped")(worked.zip(producer({"a": 1}, "bad")).collect())

    run = start_run(collected()).run()
    assert run.xcom("keep") == {"b": [1, "z"], "c": [3, "x"]}
    assert run.xcom("all_pairs") == []
    assert run.state_of("stopped") == "upstream_failed"
    assert str(run.errors["stopped__check", -1]) == (
        "1 of 1 keys of (fail_for_a.result, bad.result) failed: 'a'. Clear the clones that failed with their "
        "downstream tasks."
    )


def test_a_product_pairs_every_key_with_every_key():
    @task
    def tell(left, right):
        return [left, right, list(get_mapping_key_path())]

    @dag(schedule=None)
    def multiplied():
        product = producer({"b": 1, "a": 2}, "left").product(producer({"y": 3, "x": 4}, "right"))
        told = product.map(tell)
        keep(told.collect())
        keep(told.map(lambda each: keep.override(task_id="chained")(each[2])).collect(keyed=True))
        keep(product.collect(keyed=True))

    run = start_run(multiplied()).run()
    assert run.xcom("keep") == [
        [1, 3, ["b", "y"]],
        [1, 4, ["b", "x"]],
        [2, 3, ["a", "y"]],
        [2, 4, ["a", "x"]],
    ]
    assert run.xcom("keep__1")["a"] == {"y": ["a", "y"], "x": ["a", "x"]}
    assert run.xcom("keep__2") == {"b": {"y": [1, 3], "x": [1, 4]}, "a": {"y": [2, 3], "x": [2, 4]}}
    assert list(run.states("tell")) == ["b/y", "b/x", "a/y", "a/x"]
    assert run.xcom("tell", "output_metadata", 1)["inherited"] == {
        "left": {"type": "int", "value": 1},
        "right": {"type": "int", "value": 4},
    }


def test_a_product_of_a_handle_with_itself_keeps_the_sides_apart():
    @dag(schedule=None)
    def squared():
        handle = producer({"a": 1, "b": 2}, "numbers")
        keep(handle.product(handle.map(keep.override(task_id="mapped"))).map(pair).collect(keyed=True))

    expected = {"a": {"a": [1, 1], "b": [1, 2]}, "b": {"a": [2, 1], "b": [2, 2]}}
    assert start_run(squared()).run().xcom("keep") == expected


def test_a_side_of_a_product_waits_for_the_clones_of_its_own_side_only():
    @task
    def skip_a(value):
        if value == 1:
            raise AirflowSkipException("not a")
        return value

    @dag(schedule=None)
    def squared():
        handle = producer({"a": 1, "b": 2}, "numbers")
        keep(handle.product(handle.map(skip_a)).map(pair).states())

    assert start_run(squared()).run().xcom("keep") == {
        "a": {"a": "skipped", "b": "success"},
        "b": {"a": "skipped", "b": "success"},
    }


def test_a_chain_over_a_product_waits_for_each_side_that_it_uses():
    @task
    def fail_a(value):
        if value == 1:
            raise ValueError("broken")
        return value

    @dag(schedule=None)
    def chained():
        handle = producer({"a": 1, "b": 2}, "numbers")
        mapped = handle.map(fail_a)

        def body(left, right):
            return pair(keep(right), left)

        keep.override(task_id="states")(mapped.product(mapped).map(body).states())

    assert start_run(chained()).run().xcom("states") == {
        "a": {"a": "upstream_failed", "b": "upstream_failed"},
        "b": {"a": "upstream_failed", "b": "success"},
    }


def test_the_same_handles_may_be_joined_twice():
    @dag(schedule=None)
    def twice():
        left, right = producer(LEFT, "left"), producer(RIGHT, "right")
        keep(left.zip(right).collect(keyed=True))
        keep(left.zip(right, how="outer").map(pair).collect(keyed=True))

    run = start_run(twice()).run()
    assert (list(run.xcom("keep")), list(run.xcom("keep__1"))) == (["b", "c"], ["b", "a", "c", "d"])


def test_joins_of_joins_and_of_empty_sides():
    @dag(schedule=None)
    def chained():
        left, right, none = producer(LEFT, "left"), producer(RIGHT, "right"), producer({}, "none")
        three = left.zip(right).zip(producer({"c": "third", "a": "no"}, "third"))
        keep(three.map(lambda both, third: pair(both[1], third)).collect(keyed=True))
        keep(left.zip(right).product(none).map(pair).collect(keyed=True))
        keep(left.zip(none, how="outer").map(pair).collect(keyed=True))
        keep(left.zip(none).collect())
        keep(none.product(left).collect(keyed=True))

    run = start_run(chained()).run()
    assert run.xcom("keep") == {"c": ["x", "third"]}
    assert run.xcom("keep__1") == {}
    assert run.xcom("keep__2") == {"b": [1, None], "a": [2, None], "c": [3, None]}
    assert (run.xcom("keep__3"), run.xcom("keep__4")) == ([], {})


def test_a_dynamic_task_inside_a_joined_map():
    @task.dynamic(out=DynamicOut(str))
    def parts(left, right):
        for number in range(left):
            yield DynamicOutput(f"{left}{right}{number}", mapping_key=str(number))

    @dag(schedule=None)
    def nested():
        left, right = producer({"a": 1, "b": 2}, "left"), producer({"x": "p", "y": "q"}, "right")

        def both(one, other):
            return pair([one, other], parts(one, other).map(keep).collect(keyed=True))

        keep.override(task_id="all")(left.product(right).map(both).collect(keyed=True))

    assert start_run(nested()).run().xcom("all")["b"]["y"] == [[2, "q"], {"0": "2q0", "1": "2q1"}]


def test_other_handles_of_either_side_may_be_used_in_a_joined_map():
    @dag(schedule=None)
    def closures():
        left, right = producer(LEFT, "left"), producer(RIGHT, "right")
        doubled = left.map(lambda value: pair.override(task_id="twice")(value, value))
        keep(left.zip(right).map(lambda one, other: pair(doubled, other)).collect(keyed=True))

    assert start_run(closures()).run().xcom("keep") == {"b": [[1, 1], "z"], "c": [[3, 3], "x"]}


def test_a_zip_follows_its_sides_when_one_is_run_again():
    left, right = dict(LEFT), dict(RIGHT)

    @dag(schedule=None)
    def again():
        keep(producer(left, "left").zip(producer(right, "right")).map(pair).collect(keyed=True))

    run = start_run(again()).run()
    right.clear()
    right.update({"a": "new", "c": "other"})
    run.clear("right")
    run.run()
    assert run.xcom("keep") == {"a": [2, "new"], "c": [3, "other"]}
    assert run.tries()["left", -1] == 1
