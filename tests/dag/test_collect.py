"""What a collector receives, and when it runs."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Out, Output
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import double, keep, pair
from tests.dag_runs import run_dag


def producer(values, **declaration):
    """A task that produces ``values``, a dict of key -> value."""

    @task.dynamic(out=DynamicOut(**declaration))
    def produce():
        for key, value in values.items():
            yield DynamicOutput(value, mapping_key=key)

    return produce


def test_one_key_is_never_a_scalar():
    @dag(schedule=None)
    def one():
        handle = producer({"only": 1})()
        keep(handle.map(double).collect())
        keep(handle.map(double).collect(keyed=True))
        keep(handle.collect())

    run = run_dag(one())
    assert run.xcom("keep") == [2]
    assert run.xcom("keep__1") == {"only": 2}
    assert run.xcom("keep__2") == [1]


def test_zero_keys_give_an_empty_collection():
    @dag(schedule=None)
    def zero():
        handle = producer({})()
        chained = handle.map(double).map(double)
        keep(chained.collect())
        keep(chained.collect(keyed=True))
        keep(handle.collect())
        keep(handle.collect(keyed=True))

    run = run_dag(zero())
    assert run.state == "success"
    assert [run.xcom(t) for t in ("keep", "keep__1", "keep__2", "keep__3")] == [[], {}, [], {}]
    assert run.states("double") == {-1: "skipped"}


def test_zero_keys_of_an_output_that_is_not_required_skip_the_collector():
    @dag(schedule=None)
    def zero():
        handle = producer({}, is_required=False)()
        keep(handle.map(double).collect())
        keep(handle.collect())

    run = run_dag(zero())
    assert run.state_of("keep") == run.state_of("keep__1") == "skipped"


def test_none_is_a_value():
    @task
    def nothing(number):
        return None

    @dag(schedule=None)
    def none():
        handle = producer({"a": 1, "b": None})()
        keep(handle.map(nothing).collect(keyed=True))
        keep(handle.collect(keyed=True))
        keep(handle.map(nothing).map(nothing).collect())

    run = run_dag(none())
    assert run.xcom("keep") == {"a": None, "b": None}
    assert run.xcom("keep__1") == {"a": 1, "b": None}
    assert run.xcom("keep__2") == [None, None]


@task
def skip_b(number, mapping_key=None):
    if mapping_key == "b":
        raise AirflowSkipException("not today")
    return number * 2


@task
def fail_b(number, mapping_key=None):
    if mapping_key == "b":
        raise ValueError("b is broken")
    return number * 2


def test_skipped_clones_are_left_out_and_the_others_keep_their_keys():
    @dag(schedule=None)
    def skipped():
        handle = producer({"a": 1, "b": 2, "c": 3})().map(skip_b)
        keep(handle.collect(keyed=True))
        keep(handle.map(double).collect())

    run = run_dag(skipped())
    assert run.xcom("keep") == {"a": 2, "c": 6}
    assert run.xcom("keep__1") == [4, 12]
    assert run.states("skip_b") == {"a": "success", "b": "skipped", "c": "success"}
    assert [run.state_of("double", index) for index in range(3)] == ["success", "skipped", "success"]


def test_all_clones_skipped_give_an_empty_collection():
    @dag(schedule=None)
    def skipped():
        keep(producer({"b": 1})().map(skip_b).collect())

    assert run_dag(skipped()).xcom("keep") == []


def test_a_failed_clone_stops_the_collector_but_not_the_other_keys():
    @dag(schedule=None)
    def failed():
        keep(producer({"a": 1, "b": 2, "c": 3})().map(fail_b).map(double).collect())

    run = run_dag(failed())
    assert run.state == "failed"
    assert run.states("fail_b") == {"a": "success", "b": "failed", "c": "success"}
    assert [run.state_of("double", index) for index in range(3)] == ["success", "upstream_failed", "success"]
    assert run.state_of("keep") == "upstream_failed"


def test_a_collector_that_runs_in_spite_of_a_failed_clone_is_told_the_key():
    @task(trigger_rule="all_done")
    def stubborn(values):
        return values

    @dag(schedule=None)
    def failed():
        stubborn(producer({"a": 1, "b": 2})().map(fail_b).collect())

    run = run_dag(failed())
    assert run.state_of("stubborn") == "failed"


def test_two_collections_go_into_one_task():
    @dag(schedule=None)
    def two():
        handle = producer({"a": 1, "b": 2})()
        pair(handle.map(double).collect(), handle.collect(keyed=True))

    assert run_dag(two()).xcom("pair") == [[2, 4], {"a": 1, "b": 2}]


def test_a_collection_may_be_nested_in_an_argument():
    @dag(schedule=None)
    def nested():
        keep({"all": [producer({"a": 1})().map(double).collect()]})

    assert run_dag(nested()).xcom("keep") == {"all": [[2]]}


@task
def total(numbers):
    return sum(numbers)


@task
def divide(number, by):
    return number / by


def test_each_count_is_divided_by_the_total_of_all_counts():
    @dag(schedule=None)
    def shares():
        counts = producer({"a": 1, "b": 3})().map(double)
        whole = total(counts.collect())
        keep(counts.map(lambda count: divide(count, whole)).collect(keyed=True))

    run = run_dag(shares())
    assert run.xcom("keep") == {"a": 0.25, "b": 0.75}
    assert run.states("divide") == {"a": "success", "b": "success"}


def test_a_collection_may_be_used_directly_in_a_map_of_its_own_key_space():
    @dag(schedule=None)
    def shares():
        counts = producer({"a": 1, "b": 3, "c": 4})().map(skip_b)
        keep(counts.map(lambda count: pair(count, counts.collect())).collect(keyed=True))

    run = run_dag(shares())
    assert run.xcom("keep") == {"a": [2, [2, 8]], "c": [8, [2, 8]]}
    assert [run.state_of("pair", index) for index in range(3)] == ["success", "skipped", "success"]


def test_a_collection_may_be_used_in_a_map_of_another_key_space():
    @dag(schedule=None)
    def across():
        whole = producer({"a": 1, "b": 3})().map(double).collect()
        keep(producer({"x": 10, "y": 20})().map(lambda number: pair(number, whole)).collect(keyed=True))

    assert run_dag(across()).xcom("keep") == {"x": [10, [2, 6]], "y": [20, [2, 6]]}


def test_totals_of_totals_make_one_group_after_the_other():
    @dag(schedule=None)
    def thrice():
        first = producer({"a": 1, "b": 3})().map(double)
        second = first.map(lambda n: divide(n, whole(first)))
        third = second.map(lambda n: divide.override(task_id="again")(n, whole(second)))
        keep(third.collect())

    def whole(handle):
        return total(handle.collect())

    run = run_dag(thrice())
    assert run.state == "success", run.states("again")
    assert run.xcom("keep") == [0.25, 0.75]


def test_two_chains_may_each_need_the_total_of_the_other():
    """No arrangement into two groups fits; a gate passes on what became of each key."""

    @dag(schedule=None)
    def crossed():
        handle = producer({"a": 1, "b": 2, "c": 3})()
        left = handle.map(skip_b)
        right = handle.map(lambda n: double.override(task_id="right")(n))
        of_left, of_right = total(left.collect()), total.override(task_id="total_right")(right.collect())
        keep(left.map(lambda n: pair(n, of_right)).collect(keyed=True))
        keep(right.map(lambda n: pair.override(task_id="pair_right")(n, of_left)).collect(keyed=True))

    run = run_dag(crossed())
    assert run.xcom("keep") == {"a": [2, 12], "c": [6, 12]}
    assert run.xcom("keep__1") == {"a": [2, 8], "b": [4, 8], "c": [6, 8]}
    assert [run.state_of("pair", index) for index in range(3)] == ["success", "skipped", "success"]


def test_two_key_spaces_may_depend_on_each_other_back_and_forth():
    @dag(schedule=None)
    def back_and_forth():
        left, right = producer({"a": 1, "b": 2})(), producer({"x": 10, "y": 20})()
        of_left = total(left.map(double).collect())
        of_right = total(right.map(lambda n: double.override(task_id="right")(n)).collect())
        keep(left.map(lambda n: pair(n, of_right)).collect(keyed=True))
        keep(right.map(lambda n: pair(n, of_left)).collect(keyed=True))

    run = run_dag(back_and_forth())
    assert run.xcom("keep") == {"a": [1, 60], "b": [2, 60]}
    assert run.xcom("keep__1") == {"x": [10, 6], "y": [20, 6]}


def test_a_skipped_task_still_skips_a_collector_that_depends_on_it():
    @task
    def skipped_task():
        raise AirflowSkipException("never")

    @dag(schedule=None)
    def other():
        pair(producer({"a": 1})().map(double).collect(), skipped_task())

    assert run_dag(other()).state_of("pair") == "skipped"


def test_a_skipped_producer_skips_clones_and_collector():
    @task.dynamic(out=DynamicOut(int))
    def nothing_today():
        raise AirflowSkipException("nothing today")
        yield

    @dag(schedule=None)
    def skipped():
        keep(nothing_today().map(double).collect())

    run = run_dag(skipped())
    assert run.state_of("keep") == "skipped"


def test_a_collector_of_two_fan_outs_of_which_a_branch_chose_one():
    @task.branch
    def choose():
        return "chosen"

    @task(trigger_rule="none_failed_min_one_success")
    def gather(chosen, other, values, keyed):
        return [chosen, other, values, keyed]

    @dag(schedule=None)
    def branching():
        chosen = producer({"a": 1}).override(task_id="chosen")()
        other = producer({"b": 2}).override(task_id="other")()
        choose() >> [chosen, other]
        doubled = other.map(double)
        gather(chosen.map(double).collect(), doubled.collect(), other.collect(), doubled.collect(keyed=True))

    run = run_dag(branching())
    assert run.state_of("other") == "skipped"
    assert run.xcom("gather") == [[2], [], [], {}]


def test_several_outputs_static_and_dynamic():
    @task.dynamic(out={"small": DynamicOut(int), "total": Out(int), "large": DynamicOut(int)})
    def split():
        numbers = {"a": 1, "b": 20, "c": 3, "d": 40}
        for key, number in numbers.items():
            yield DynamicOutput(number, key, "large" if number > 9 else "small", metadata={"n": number})
        yield Output(sum(numbers.values()), "total")

    @dag(schedule=None)
    def several():
        found = split()
        small, whole, large = found
        assert found.small is small
        assert found._fields == ("small", "total", "large")
        keep(small.map(lambda n: divide(n, whole)).collect(keyed=True))
        keep(large.map(double).collect(keyed=True))
        pair(large.collect(), whole)

    run = run_dag(several())
    assert run.xcom("keep") == {"a": 1 / 64, "c": 3 / 64}
    assert run.xcom("keep__1") == {"b": 40, "d": 80}
    assert run.xcom("pair") == [[20, 40], 64]
    assert run.states("double") == {"b": "success", "d": "success"}


def test_an_optional_output_that_is_not_produced_skips_its_consumer():
    @task.dynamic(out={"maybe": Out(int, is_required=False), "none": Out(is_required=False)})
    def sometimes():
        yield Output(None, "none")

    @dag(schedule=None)
    def optional():
        found = sometimes()
        keep(found.maybe)
        keep(found.none)

    run = run_dag(optional())
    assert run.state_of("keep") == "skipped"
    assert run.state_of("keep__1") == "success"


@pytest.mark.parametrize("form", ["generator", "async generator", "list", "coroutine", "annotation"])
def test_every_way_to_produce(form):
    events = [DynamicOutput("x", "k"), DynamicOutput("y", "l")]

    if form == "generator":

        @task.dynamic(out=DynamicOut(str))
        def produce():
            yield from events

    elif form == "async generator":

        @task.dynamic(out=DynamicOut(str))
        async def produce():
            for event in events:
                yield event

    elif form == "list":

        @task.dynamic(out=DynamicOut(str))
        def produce():
            return events

    elif form == "coroutine":

        @task.dynamic(out=DynamicOut(str))
        async def produce():
            return events

    else:

        @task.dynamic
        def produce() -> list[DynamicOutput[str]]:
            return events

    @dag(schedule=None)
    def made():
        keep(produce().map(double).collect(keyed=True))

    assert run_dag(made()).xcom("keep") == {"k": "xx", "l": "yy"}
