"""What authors put around and into mapped bodies: setup and teardown, rules, groups, limits, defaults."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import TaskGroup, dag, setup, task, task_group, teardown
from packaging.version import Version

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from airflow_dynamic_provider.execution.helpers import RETRIES, HelperOperator
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import double, keep, pair
from tests.dag.test_reruns import clears_by_key, version
from tests.dag_runs import start_run

starts_by_key = pytest.mark.skipif(
    version < Version("3.3"), reason="up to Airflow 3.2, a task with the rule one_failed starts for all keys"
)


@task.dynamic(out=DynamicOut(int))
def numbers():
    yield DynamicOutput(1, "a")
    yield DynamicOutput(2, "b")


@task
def fail_b(value):
    if value == 2:
        raise ValueError("b is broken")
    return value


@setup
def open_it(value):
    return f"opened {value}"


def make_teardown():
    # A new one for each Dag: Airflow refuses to call the same teardown in a second one.
    @teardown
    def close_it(opened):
        return f"closed {opened}"

    return close_it


def test_setup_and_teardown_inside_a_mapped_body_go_by_key():
    @dag(schedule=None)
    def inside():
        def body(value):
            opened = open_it(value)
            worked = fail_b(value)
            opened >> worked >> make_teardown()(opened)
            return worked

        keep(numbers().map(body).states())

    run = start_run(inside()).run()
    assert run.xcom("keep") == {"a": "success", "b": "failed"}
    assert run.states("close_it") == {"a": "success", "b": "success"}
    assert run.xcoms("close_it") == {0: "closed opened 1", 1: "closed opened 2"}


@clears_by_key
def test_a_cleared_clone_has_its_teardown_run_again():
    @dag(schedule=None)
    def inside():
        def body(value):
            opened = open_it(value)
            opened >> keep(value) >> make_teardown()(opened)

        numbers().map(body)

    run = start_run(inside()).run()
    run.clear("keep", 1)
    tries = run.run().tries()
    assert [tries["keep", index] for index in range(2)] == [1, 2]
    assert [tries["close_it", index] for index in range(2)] == [1, 2]


def test_setup_and_teardown_around_a_map():
    @setup
    def begin():
        return "begun"

    @teardown
    def end():
        return "ended"

    @dag(schedule=None)
    def around():
        begun, ended = begin(), end()
        mapped = numbers().map(fail_b)
        begun >> mapped >> ended
        begun >> ended
        keep(mapped.collect(min_success_ratio=0.5)) >> ended

    run = start_run(around()).run()
    assert run.xcom("end") == "ended"
    assert run.xcom("keep") == [1]


@pytest.mark.parametrize(
    ("rule", "states"),
    [
        ("all_done", {"a": "success", "b": "failed"}),
        pytest.param("one_failed", {0: "skipped", "b": "failed"}, marks=starts_by_key),
        ("none_failed", {"a": "success", 1: "upstream_failed"}),
        ("all_success", {"a": "success", 1: "upstream_failed"}),
    ],
)
def test_a_trigger_rule_inside_a_mapped_body_goes_by_key(rule, states):
    @dag(schedule=None)
    def ruled():
        ruled = numbers().map(lambda value: double.override(trigger_rule=rule)(fail_b(value)))
        keep(ruled.states())

    assert start_run(ruled()).run().states("double") == states


def test_a_skipped_key_skips_what_depends_on_it_and_nothing_else():
    @task
    def skip_b(value, mapping_key=None):
        if mapping_key == "b":
            raise AirflowSkipException("not b")
        return value

    @dag(schedule=None)
    def skipped():
        def body(value):
            kept = skip_b(value)
            return double(kept), keep(value)

        after, beside = numbers().map(body)
        keep.override(task_id="after")(after.collect(keyed=True))
        keep.override(task_id="beside")(beside.collect(keyed=True))

    run = start_run(skipped()).run()
    assert (run.xcom("after"), run.xcom("beside")) == ({"a": 2}, {"a": 1, "b": 2})
    assert run.states("double") == {"a": "success", 1: "skipped"}


def test_max_active_limits_each_task_of_one_map():
    @dag(schedule=None)
    def limited():
        handle = numbers()
        handle.map(lambda value: double(keep(value)), max_active=2)
        handle.map(fail_b)
        handle.map(lambda value: pair.override(max_active_tis_per_dagrun=1)(value, 0), max_active=3)

    made = limited()
    limits = {each.task_id: each.max_active_tis_per_dagrun for each in made.tasks}
    assert limits == {"numbers": None, "keep": 2, "double": 2, "fail_b": None, "pair": 1}


def test_max_active_limits_the_gates_too():
    @dag(schedule=None)
    def limited():
        one, other = numbers().map(double), numbers.override(task_id="others")().map(keep)
        joined = one.zip(other)
        joined.map(pair, max_active=2)
        joined.map(pair.override(task_id="free"))
        joined.map(pair.override(task_id="own", max_active_tis_per_dagrun=1), max_active=3)

    limits = {each.task_id: each.max_active_tis_per_dagrun for each in limited().tasks}
    gates = {task_id: limit for task_id, limit in limits.items() if task_id.endswith("__gate")}
    assert gates == {"pair__gate": 2, "free__gate": None, "own__gate": 1}


def test_groups_around_everything_and_several_outputs_in_one_dag():
    @dag(schedule=None, default_args={"retries": 2, "retry_delay": timedelta(0)}, params={"factor": 3})
    def grouped():
        with TaskGroup("outer"):
            first = numbers().map(lambda value: keep(value))
            with TaskGroup("inner"):
                second = numbers().map(lambda value: pair(value, "{{ params.factor }}"))
                joined = first.zip(second).map(lambda one, both: pair.override(task_id="joined")(one, both))
        keep(joined.collect(keyed=True))

    run = start_run(grouped()).run()
    assert run.xcom("keep") == {"a": [1, [1, "3"]], "b": [2, [2, "3"]]}
    retries = {(isinstance(each, HelperOperator), each.retries) for each in run.dag.tasks}
    assert retries == {(False, 2), (True, RETRIES)}


def test_the_same_function_may_be_used_again_and_again():
    @task.dynamic(out=DynamicOut(int))
    def parts(value):
        yield DynamicOutput(value, "only")

    @task_group
    def body(value):
        return pair(value, parts(value).map(double).collect())

    @dag(schedule=None)
    def twice():
        handle = numbers()
        keep(handle.map(body).collect())
        keep(handle.map(body).collect())
        keep(numbers.override(task_id="others")().map(body).collect())

    run = start_run(twice()).run()
    assert run.xcom("keep") == run.xcom("keep__1") == run.xcom("keep__2") == [[1, [2]], [2, [4]]]


def test_edges_to_groups_and_tasks_around_a_nest():
    @task.dynamic(out=DynamicOut(int))
    def parts(value):
        yield DynamicOutput(value, "only")

    @dag(schedule=None)
    def edges():
        with TaskGroup("before") as before:
            keep.override(task_id="first")(0)
        with TaskGroup("behind") as behind:
            keep.override(task_id="last")(0)
        inner = numbers().map(lambda value: parts(value).map(double))
        before >> inner >> behind

    run = start_run(edges()).run()
    assert run.state == "success"
    assert run.dag.get_task("behind.last").upstream_task_ids == {"double__unfailed", "parts__keys"}
    assert run.dag.task_group.children["behind"].upstream_task_ids == {"double__unfailed"}
    assert "before.first" in run.dag.get_task("double").upstream_task_ids


def test_failure_callbacks_of_the_default_arguments_are_not_called_for_added_tasks():
    called = []

    @task.dynamic(out=DynamicOut(int))
    def parts(value):
        yield DynamicOutput(value, "only")

    def note(context):
        called.append(context["ti"].task_id)

    @dag(schedule=None, default_args={"on_failure_callback": note})
    def noisy():
        def body(value):
            return keep(parts(value).map(lambda part: fail_b(value)).collect())

        numbers().map(body)

    run = start_run(noisy()).run()
    assert run.states("keep__gate") == {"a": "success", "b": "failed"}
    assert called == ["fail_b"]
