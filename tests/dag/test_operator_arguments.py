"""What operators and functions of every kind are given inside a map, and what their clones leave."""

from __future__ import annotations

import datetime
import sys
from typing import NamedTuple

import pytest
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.sdk import DAG, BaseOperator, Label, chain, dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, errors
from tests.dag.tasks import double, keep, pair
from tests.dag_runs import run_dag


@task.dynamic(out=DynamicOut(int))
def numbers():
    yield DynamicOutput(1, "a")
    yield DynamicOutput(2, "b")


@task.dynamic(out=DynamicOut(dict))
def rows():
    yield DynamicOutput({"limit": 1, "name": "{{ 7*7 }}.sh"}, "a")
    yield DynamicOutput({"limit": 2, "name": "two"}, "b")


class CopyTable(BaseOperator):
    """Tests its arguments for truth, and renders one of them."""

    template_fields = ("target",)

    def __init__(self, *, table=None, target=None, options=None, **kwargs):
        super().__init__(**kwargs)
        self._table = table or []
        self.target = target if target else "none"
        self.options = options or {}

    def execute(self, context):
        return [self._table, self.target, self.options]


class Working(BaseOperator):
    """Keeps what it makes of its argument."""

    def __init__(self, *, table, **kwargs):
        super().__init__(**kwargs)
        self.hook = object() if table else None


def arguments(*args, **kwargs):
    return [list(args), {name: kwargs[name] for name in ("limit", "name") if name in kwargs}]


class Both(NamedTuple):
    one: object
    two: object


@task
def named(mapping_key, ds):
    return [mapping_key, ds]


@task
def asks(number, mapping_key, run_id):
    return [number, mapping_key, run_id.split("__")[0]]


@task(multiple_outputs=False)
def pushes(number, ti=None):
    ti.xcom_push("result", number * 100)
    return number


def test_an_argument_that_is_no_template_field_has_its_value():
    @dag(schedule=None)
    def filled():
        made = rows().map(
            lambda row: CopyTable(
                task_id="copy", table=row["name"], target=row["limit"], options={"t": "{{ ds }}", "r": [row]}
            )
        )
        CopyTable(task_id="all", table=made.collect(), options={"keyed": made.collect(keyed=True)})

    run = run_dag(filled())
    rows_ = [{"limit": 1, "name": "{{ 7*7 }}.sh"}, {"limit": 2, "name": "two"}]
    copied = [[row["name"], row["limit"], {"t": "{{ ds }}", "r": [row]}] for row in rows_]
    assert run.xcoms("copy") == {0: copied[0], 1: copied[1]}
    assert run.xcom("all") == [copied, "none", {"keyed": {"a": copied[0], "b": copied[1]}}]


def test_an_argument_of_a_clones_result_that_is_no_template_field_is_read_by_key():
    @dag(schedule=None)
    def filled():
        numbers().map(lambda number: CopyTable(task_id="copy", table=[double(number)]))

    assert run_dag(filled()).xcoms("copy") == {0: [[2], "none", {}], 1: [[4], "none", {}]}


@pytest.mark.parametrize(
    ("operator", "said"),
    [
        (
            lambda item: CopyTable(task_id="t", executor_config={"x": item}),
            "passed as executor_config= of CopyTable, which Airflow reads",
        ),
        (lambda item: Working(task_id="t", table=item), "passed as table= of Working, which its constructor"),
    ],
)
def test_an_argument_that_cannot_have_its_value_is_refused(operator, said):
    with DAG("refusing", schedule=None), pytest.raises(errors.HandleUsageError) as caught:
        numbers().map(operator)
    assert said in str(caught.value)
    assert "template fields (" in str(caught.value)


def test_a_collection_that_cannot_have_its_value_is_refused_when_the_dag_ends():
    with DAG("refusing", schedule=None) as made:
        Working(task_id="t", table=numbers().collect())
    with pytest.raises(errors.HandleUsageError, match="passed as table= of Working"):
        made.validate()


def test_constructors_may_test_arguments_for_truth():
    @dag(schedule=None)
    def tested():
        handle = rows()
        handle.map(lambda row: PythonOperator(task_id="by_name", python_callable=arguments, op_kwargs=row))
        handle.map(
            lambda row: PythonOperator(
                task_id="by_place", python_callable=arguments, op_args=[row["limit"], row]
            )
        )
        PythonOperator(task_id="all", python_callable=arguments, op_args=handle.collect())

    run = run_dag(tested())
    assert run.xcoms("by_name")[1] == [[], {"limit": 2, "name": "two"}]
    assert run.xcoms("by_place")[1] == [[2, {"limit": 2, "name": "two"}], {}]
    assert run.xcom("all") == [[{"limit": 1, "name": "{{ 7*7 }}.sh"}, {"limit": 2, "name": "two"}], {}]


def test_a_constructor_may_test_parts_of_an_argument_for_truth():
    with DAG("tested", schedule=None):
        BashOperator(task_id="env", bash_command="echo $ALL", env={"ALL": numbers().collect()})


def test_an_xcom_named_result_is_what_was_pushed():
    @dag(schedule=None)
    def pushed():
        handle = numbers()
        keep(handle.map(lambda number: pushes(number)["result"]).collect())
        handle.map(lambda number: pair(*(lambda done: (done, done["result"]))(pushes(number))))

    run = run_dag(pushed())
    assert run.xcom("keep") == [100, 200]
    assert run.xcoms("pair") == {0: [1, 100], 1: [2, 200]}


def test_part_of_a_dag_runs_with_its_values():
    @dag(schedule=None)
    def whole():
        keep(numbers().map(lambda number: pair(number, double(number))).collect(keyed=True))
        keep.override(task_id="other")(1)

    run = run_dag(whole().partial_subset("keep", include_upstream=True))
    assert run.xcom("keep") == {"a": [1, 2], "b": [2, 4]}


def test_parameters_that_the_context_has_too():
    @dag(schedule=None)
    def parameters():
        handle = numbers()
        handle.map(lambda number: asks(number))
        handle.map(named)
        handle.map(lambda number: named.override(task_id="given")("k", number))

    run = run_dag(parameters())
    assert run.xcoms("asks") == {0: [1, "a", "manual"], 1: [2, "b", "manual"]}
    assert [first for first, _ in run.xcoms("named").values()] == [1, 2]
    assert run.xcoms("given") == {0: ["k", 1], 1: ["k", 2]}


def test_a_sensor_that_would_end_in_the_triggerer_leaves_a_result():
    long_ago = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc).isoformat()

    @dag(schedule=None)
    def waiting():
        waited = numbers().map(
            lambda number: (
                double(number)
                >> DateTimeSensorAsync(task_id="wait", target_time=long_ago, end_from_trigger=True)
            )
        )
        keep(waited.collect(keyed=True))

    run = run_dag(waiting())
    assert run.state == "success"
    assert run.xcom("keep") == {"a": None, "b": None}


def test_a_key_is_the_label_whatever_label_the_author_asks_for():
    @dag(schedule=None)
    def labelled():
        numbers().map(double.override(map_index_template="{{ nothing.at.all }}"))
        numbers.override(task_id="more")().map(lambda n: keep.override(map_index_template="mine")(n))

    run = run_dag(labelled())
    assert run.states("double") == {"a": "success", "b": "success"}
    assert run.states("keep") == {"a": "success", "b": "success"}


def test_a_function_in_another_python_is_given_its_key():
    @task.external_python(python=sys.executable, expect_airflow=False)
    def elsewhere(number, mapping_key, mapping_key_path=None):
        return [number, mapping_key, list(mapping_key_path)]

    @dag(schedule=None)
    def outside():
        keep(numbers().map(lambda number: elsewhere(number)).collect())

    assert run_dag(outside()).xcom("keep") == [[1, "a", ["a"]], [2, "b", ["b"]]]


def test_results_in_other_containers_are_read_by_key():
    @dag(schedule=None)
    def contained():
        numbers().map(lambda number: keep(Both(double(number), {"k": number})))

    assert run_dag(contained()).xcoms("keep") == {0: (2, {"k": 1}), 1: (4, {"k": 2})}


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (lambda done: BashOperator(task_id="t", bash_command=f"echo {done}"), "to 't' in a string"),
        (lambda done: keep([{"x": f"{done['part']}"}]), "to 'keep' in a string"),
        (lambda done: keep(done.map(str)), "to 'keep' inside another object"),
        (lambda done: keep([done.zip(done)]), "to 'keep' inside another object"),
    ],
)
def test_what_airflow_would_read_by_position_is_refused(use, said):
    with DAG("refusing", schedule=None), pytest.raises(errors.HandleUsageError) as caught:
        numbers().map(lambda number: use(double(number)))
    assert f"Task 'double': its result was passed {said}" in str(caught.value)


def test_edges_with_labels_to_and_from_handles():
    @dag(schedule=None)
    def labelled():
        start, end = keep.override(task_id="start")(1), keep.override(task_id="end")(2)
        handle = numbers().map(double)
        start >> Label("before") >> handle >> Label("after") >> end
        other = numbers.override(task_id="others")()
        end << Label("back") << other
        chain(start, Label("chained"), other)

    made = labelled()
    assert made.get_task("double").upstream_task_ids >= {"start"}
    assert made.get_task("end").upstream_task_ids == {"double__unfailed", "numbers", "others"}
    assert made.get_task("others").upstream_task_ids == {"start"}
    assert made.get_edge_info("start", "double") == {"label": "before"}
    assert made.get_edge_info("double__unfailed", "end") == {"label": "after"}
    assert made.get_edge_info("start", "others") == {"label": "chained"}
    assert run_dag(made).state == "success"
