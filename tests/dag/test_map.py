"""What a mapped function may call and return, and that every clone works on its own key's values."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag, task, task_group

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Out, Output
from tests.dag_runs import run_dag

WORDS = {"one": 1, "two": 2, "three": 3}


@task.dynamic(out=DynamicOut(int))
def numbers():
    for name, number in WORDS.items():
        yield DynamicOutput(number, mapping_key=name)


@task
def double(number):
    return number * 2


@task
def add(left, right):
    return left + right


@task
def keep(values):
    return values


def test_a_task_runs_once_per_key_and_is_collected_in_the_order_of_the_keys():
    @dag(schedule=None)
    def plain():
        keep(numbers().map(double).collect())

    run = run_dag(plain())
    assert run.state == "success"
    assert run.states("double") == dict.fromkeys(WORDS, "success")
    assert run.xcom("keep") == [2, 4, 6]


def test_a_lambda_may_call_several_tasks_in_a_diamond():
    @dag(schedule=None)
    def diamond():
        def work(number):
            start = double(number)
            left = double.override(task_id="left")(start)
            return add(left, double.override(task_id="right")(start))

        keep(numbers().map(work).collect(keyed=True))

    run = run_dag(diamond())
    assert run.xcom("keep") == {name: 8 * number for name, number in WORDS.items()}
    for task_id in ("double", "left", "right", "add"):
        assert run.states(task_id) == dict.fromkeys(WORDS, "success")


def test_a_tuple_comes_back_as_a_tuple_of_handles():
    @dag(schedule=None)
    def tuples():
        first, second = numbers().map(lambda n: (double(n), add(n, 10)))
        keep(first.collect())
        keep(second.collect())

    run = run_dag(tuples())
    assert run.xcom("keep") == [2, 4, 6]
    assert run.xcom("keep__1") == [11, 12, 13]


def test_a_named_tuple_keeps_its_names():
    class Both(NamedTuple):
        doubled: object
        more: object

    @dag(schedule=None)
    def named():
        both = numbers().map(lambda n: Both(double(n), add(n, 10)))
        keep(both.more.collect())

    assert run_dag(named()).xcom("keep") == [11, 12, 13]


def test_a_function_may_return_nothing():
    returned = []

    @dag(schedule=None)
    def nothing():
        def work(number):
            double(number)

        returned.append(numbers().map(work))

    run = run_dag(nothing())
    assert returned == [None]
    assert run.states("double") == dict.fromkeys(WORDS, "success")


def test_a_task_group_is_cloned_as_a_whole():
    @task_group
    def stages(number):
        return double.override(task_id="second")(double.override(task_id="first")(number))

    @dag(schedule=None)
    def grouped():
        keep(numbers().map(stages).collect())

    run = run_dag(grouped())
    assert run.xcom("keep") == [4, 8, 12]
    assert run.states("stages.first") == dict.fromkeys(WORDS, "success")
    assert run.states("stages.second") == dict.fromkeys(WORDS, "success")


def test_a_task_group_without_a_result_comes_back_for_ordering():
    @task_group
    def stages(number):
        double(number)

    @dag(schedule=None)
    def ordered():
        numbers().map(stages) >> keep("done")

    run = run_dag(ordered())
    assert run.state_of("keep") == "success"
    assert run.instances("keep")[-1].start_date >= max(
        ti.end_date for ti in run.instances("stages.double").values()
    )


def test_classic_operators_take_the_item_in_templated_fields():
    @task.dynamic(out=DynamicOut(dict))
    def records():
        for name in ("a", "b"):
            yield DynamicOutput({"name": name, "tags": [name * 2]}, mapping_key=name)

    @dag(schedule=None)
    def classic():
        handle = records().map(
            lambda record: BashOperator(
                task_id="echo",
                bash_command="echo $NAME $TAG {{ mapping_key }}",
                env={"NAME": record["name"], "TAG": record["tags"][0]},
                append_env=True,
            )
        )
        keep(handle.collect(keyed=True))

    assert run_dag(classic()).xcom("keep") == {"a": "a aa a", "b": "b bb b"}


def test_an_empty_operator_in_a_map_has_its_label_too():
    @dag(schedule=None)
    def empty():
        def work(number):
            double(number) >> EmptyOperator(task_id="end")

        numbers().map(work)

    assert run_dag(empty()).states("end") == dict.fromkeys(WORDS, "success")


def test_extra_arguments_come_by_closure_as_literals_and_from_other_tasks():
    @task
    def offset():
        return 100

    @dag(schedule=None)
    def extra():
        base = offset()
        step = 5
        keep(numbers().map(lambda n: add(add.override(task_id="by_step")(n, step), base)).collect())

    assert run_dag(extra()).xcom("keep") == [106, 107, 108]


def test_handles_of_one_key_space_join_by_key():
    @dag(schedule=None)
    def join():
        handle = numbers()
        doubled = handle.map(double)
        more = handle.map(lambda n: add.override(task_id="more")(n, 10))
        keep(handle.map(lambda n: add(doubled, more)).collect(keyed=True))

    assert run_dag(join()).xcom("keep") == {name: 3 * n + 10 for name, n in WORDS.items()}


def test_a_part_of_a_joined_handle_can_be_selected():
    @task
    def describe(number):
        return {"value": number, "square": number * number}

    @dag(schedule=None)
    def parts():
        handle = numbers()
        described = handle.map(describe)
        keep(handle.map(lambda n: add(n, described["square"])).collect())
        keep(described.map(lambda d: double(d["value"])).collect())

    run = run_dag(parts())
    assert run.xcom("keep") == [2, 6, 12]
    assert run.xcom("keep__1") == [2, 4, 6]


def test_the_same_dynamic_output_can_be_mapped_twice_by_the_same_task():
    @dag(schedule=None)
    def twice():
        handle = numbers()
        keep(handle.map(double).collect())
        keep(handle.map(double).collect())

    run = run_dag(twice())
    assert run.xcom("keep") == run.xcom("keep__1") == [2, 4, 6]
    assert run.states("double__1") == dict.fromkeys(WORDS, "success")


def test_two_dynamic_outputs_of_two_tasks_keep_their_keys_apart():
    @task.dynamic(out=DynamicOut(str))
    def letters():
        yield DynamicOutput("x", mapping_key="one")

    @dag(schedule=None)
    def apart():
        keep(numbers().map(double).collect(keyed=True))
        keep(letters().map(double).collect(keyed=True))

    run = run_dag(apart())
    assert run.xcom("keep") == {"one": 2, "two": 4, "three": 6}
    assert run.xcom("keep__1") == {"one": "xx"}


def test_a_task_with_several_static_outputs_can_be_mapped():
    @task.dynamic(out={"half": Out(float), "square": Out(int)})
    def analyse(number):
        yield Output(number / 2, "half")
        yield Output(number * number, "square", metadata={"of": number})

    @dag(schedule=None)
    def several():
        analysed = numbers().map(analyse)
        keep(analysed.square.collect(keyed=True))
        keep(analysed.half.map(double).collect(keyed=True))

    run = run_dag(several())
    assert run.xcom("keep") == {"one": 1, "two": 4, "three": 9}
    assert run.xcom("keep__1") == {"one": 1.0, "two": 2.0, "three": 3.0}


def test_an_optional_output_that_a_clone_does_not_produce_is_left_out_for_its_key():
    @task.dynamic(out={"odd": Out(int, is_required=False), "all": Out(int)})
    def sort(number):
        if number % 2:
            yield Output(number, "odd")
        yield Output(number, "all")

    @dag(schedule=None)
    def optional():
        odd, every = numbers().map(sort)
        keep(odd.collect(keyed=True))
        keep(odd.map(double).collect(keyed=True))
        keep(every.collect())

    run = run_dag(optional())
    assert run.xcom("keep") == {"one": 1, "three": 3}
    assert run.xcom("keep__1") == {"one": 2, "three": 6}
    assert run.states("double") == {"one": "success", "two": "skipped", "three": "success"}
    assert run.xcom("keep__2") == [1, 2, 3]


def test_the_parts_of_a_task_with_multiple_outputs_can_be_returned_and_passed_on():
    @task(multiple_outputs=True)
    def both(number):
        return {"plus": number + 1, "minus": number - 1}

    @dag(schedule=None)
    def multiple():
        def work(number):
            result = both(number)
            return add(result["plus"], result["minus"]), result["plus"]

        total, plus = numbers().map(work)
        keep(total.collect())
        keep(plus.collect())

    run = run_dag(multiple())
    assert run.xcom("keep") == [2, 4, 6]
    assert run.xcom("keep__1") == [2, 3, 4]


def test_an_xcom_that_an_operator_pushes_itself_can_be_returned():
    @task
    def push(number, ti=None):
        ti.xcom_push(key="triple", value=number * 3)

    @dag(schedule=None)
    def pushed():
        keep(numbers().map(lambda n: push(n)["triple"]).collect(keyed=True))

    assert run_dag(pushed()).xcom("keep") == {"one": 3, "two": 6, "three": 9}


def test_the_key_is_given_to_the_function_and_by_get_mapping_key():
    from airflow_dynamic_provider import get_mapping_key, get_mapping_key_path

    @task
    def tell(number, mapping_key=None):
        return [mapping_key, get_mapping_key(), list(get_mapping_key_path())]

    @task
    def outside():
        return [get_mapping_key(), list(get_mapping_key_path())]

    @dag(schedule=None)
    def keys():
        keep(numbers().map(tell).collect())
        outside()

    run = run_dag(keys())
    assert run.xcom("keep") == [[name, name, [name]] for name in WORDS]
    assert run.xcom("outside") == [None, []]


def test_ordinary_task_arguments_and_override_work_on_the_producing_task():
    @task.dynamic(out=DynamicOut(int), retries=3, pool="default_pool", doc_md="Finds numbers.")
    def found():
        return [DynamicOutput(1, "one")]

    @dag(schedule=None)
    def arguments():
        handle = found.override(task_id="renamed", retries=5, queue="elsewhere")()
        keep(handle.map(double).collect())

    made = arguments()
    producer = made.get_task("renamed")
    assert (producer.retries, producer.queue, producer.pool) == (5, "elsewhere", "default_pool")
    assert producer.doc_md.startswith("Finds numbers.\n\n| output | type | description |")
    assert "| result | int per key |" in producer.doc_md
    assert run_dag(made).xcom("keep") == [2]


def test_a_clone_that_fails_is_retried_for_its_key(tmp_path):
    @task(retries=1, retry_delay=0)
    def flaky(number, mapping_key=None):
        marker = tmp_path / mapping_key
        if mapping_key == "two" and not marker.exists():
            marker.touch()
            raise ValueError("not yet")
        return number

    @dag(schedule=None)
    def retried():
        keep(numbers().map(flaky).collect(keyed=True))

    run = run_dag(retried())
    assert run.xcom("keep") == WORDS
    assert [ti.try_number for _, ti in sorted(run.instances("flaky").items())] == [1, 2, 1]
    assert run.states("flaky") == dict.fromkeys(WORDS, "success")


@pytest.mark.parametrize("edge", ["before", "after", "between handles", "list"])
def test_order_without_data(edge):
    @dag(schedule=None)
    def ordered():
        handle = numbers()
        doubled = handle.map(double)
        other = keep.override(task_id="other")("x")
        if edge == "before":
            other >> doubled
        elif edge == "after":
            doubled >> other
        elif edge == "between handles":
            later = handle.map(lambda n: add(n, 1))
            doubled >> later
        else:
            [other, keep.override(task_id="third")("y")] >> doubled

    made = ordered()
    run = run_dag(made)
    assert run.state == "success"
    upstream = made.get_task("double").upstream_task_ids
    if edge == "before":
        assert "other" in upstream
    elif edge == "after":
        assert made.get_task("other").upstream_task_ids == {"double__unfailed", "numbers"}
    elif edge == "between handles":
        assert "double" in made.get_task("add").upstream_task_ids
    else:
        assert {"other", "third"} <= upstream


def test_a_task_group_around_everything_gives_its_prefix():
    from airflow.sdk import TaskGroup

    @task_group
    def stages(number):
        return double(number)

    @dag(schedule=None)
    def wrapped():
        with TaskGroup("etl"):
            handle = numbers()
            keep(handle.map(stages).collect())
            keep(handle.map(lambda n: add(n, 1)).collect())

    run = run_dag(wrapped())
    assert run.xcom("etl.keep") == [2, 4, 6]
    assert run.xcom("etl.keep__1") == [2, 3, 4]
    assert run.states("etl.stages.double") == dict.fromkeys(WORDS, "success")


def test_another_map_over_the_same_keys_uses_a_result_that_was_not_returned():
    @dag(schedule=None)
    def kept_aside():
        kept = []
        handle = numbers()
        handle.map(lambda number: kept.append(double(number)))
        keep(handle.map(lambda number: add(number, kept[0])).collect(keyed=True))

    assert run_dag(kept_aside()).xcom("keep") == {name: 3 * number for name, number in WORDS.items()}
