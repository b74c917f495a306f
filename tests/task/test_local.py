"""A whole Dag in plain Python: what it gives by task and key, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from airflow.providers.common.compat.sdk import ParamValidationError
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import Asset, Param, chain, dag, get_current_context, task

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    Out,
    Output,
    add_output_metadata,
    dynamic_workflow,
    get_mapping_key,
)
from airflow_dynamic_provider.errors import LocalRunError
from airflow_dynamic_provider.execution.batch_records.reading import BatchRecords
from airflow_dynamic_provider.local import run_local
from tests.marking import needs_task_state_store


@task.dynamic(out=DynamicOut(int))
def numbers(names="abc"):
    for number, name in enumerate(names):
        yield DynamicOutput(number, mapping_key=name)


@dataclass
class Point:
    x: int


@task
def double(number):
    return 2 * number


def of(body, **arguments):
    """Return the Dag function of a body."""
    return dag(schedule=None, dag_id="local_dag", **arguments)(body)


def test_values_states_errors_tries_and_metadata_by_task_and_key():
    tried = []

    @task(retries=1, retry_delay=timedelta(hours=1))
    def divide(number):
        tried.append(get_mapping_key())
        add_output_metadata({"number": number})
        return 6 // number

    @task(trigger_rule="all_done")
    def report(values, states):
        return {"values": values, "states": states}

    def body():
        quotients = numbers().map(divide)
        report(quotients.collect(keyed=True, min_success_ratio=0.5), quotients.states())

    finished = run_local(of(body))
    quotients = finished.task("divide")
    assert finished.state == "success"
    assert finished.result("numbers") == {"result": {"a": 0, "b": 1, "c": 2}}
    assert quotients.states == {"a": "failed", "b": "success", "c": "success"}
    assert quotients.values == {"b": 6, "c": 3}
    assert {key: type(error) for key, error in quotients.errors.items()} == {"a": ZeroDivisionError}
    assert {key: outcome.tries for key, outcome in quotients.keys.items()} == {"a": 2, "b": 1, "c": 1}
    assert quotients.keys["c"].metadata["result"]["number"].value == 2
    assert finished.result("report") == {"values": {"b": 6, "c": 3}, "states": quotients.states}
    assert tried == ["a", "a", "b", "c"]


def test_nested_keys_several_outputs_and_batches():
    @task.dynamic(out={"parts": DynamicOut(str), "size": Out(int)})
    def divide(number):
        for part in range(number):
            yield DynamicOutput(f"{number}.{part}", mapping_key=str(part), output_name="parts")
        yield Output(number, output_name="size")

    @task
    def look(part, size):
        if part == "2.1":
            raise ValueError("no such part")
        return f"{part} of {size}"

    def body():
        def each(number):
            parts, size = divide(number)
            return double(parts.map(lambda part: look(part, size)).collect(min_success_ratio=0))

        numbers().map(each)
        numbers.override(task_id="others")().map(double, batch=2)

    finished = run_local(of(body))
    assert finished.task("divide").values == {
        "a": {"parts": {}, "size": 0},
        "b": {"parts": {"0": "1.0"}, "size": 1},
        "c": {"parts": {"0": "2.0", "1": "2.1"}, "size": 2},
    }
    assert finished.task("look").values == {"b/0": "1.0 of 1", "c/0": "2.0 of 2"}
    assert finished.task("double").values == {"a": [], "b": ["1.0 of 1"] * 2, "c": ["2.0 of 2"] * 2}
    assert finished.task("double__1").states == dict.fromkeys("abc", "success")
    assert str(finished.task("look").errors["c/1"]) == "no such part"
    assert finished.state == "success"


def test_the_records_of_a_batch_are_read_once_for_all_its_keys(monkeypatch):
    read = []
    monkeypatch.setattr(
        BatchRecords,
        "_read",
        lambda records, chunk, old=BatchRecords._read: (read.append(chunk), old(records, chunk)),
    )

    def body():
        numbers.override(task_id="many")([f"k{number}" for number in range(100)]).map(double, batch=100)

    finished = run_local(of(body))
    assert len(finished.task("double").states) == 100
    assert len(read) < 10


def test_values_of_declared_types():
    @task.dynamic(out={"points": DynamicOut(Point), "first": Out(Point)})
    def points():
        yield DynamicOutput(Point(1), "a", "points")
        yield Output(Point(2), "first")

    @task
    def moved(point: Point) -> Point:
        return Point(point.x + 1)

    finished = run_local(of(lambda: points().points.map(moved)))
    assert finished.result("points") == {"points": {"a": Point(1)}, "first": Point(2)}
    assert finished.task("moved").values == {"a": Point(2)}


@needs_task_state_store
def test_a_key_of_a_batch_is_tried_again_alone():
    tried = []

    @task(retries=1)
    def fail_once(number):
        tried.append(number)
        if tried.count(number) == 1 and number == 1:
            raise ValueError("not yet")
        return number

    @task(retries=1)
    def fail(number):
        raise ValueError(f"never {number}")

    def body():
        double(numbers().map(fail_once, batch=3).collect())
        numbers.override(task_id="others")("x").map(fail, batch=3)

    finished = run_local(of(body))
    assert finished.result("double") == [0, 1, 2] * 2
    assert {key: each.tries for key, each in finished.task("fail_once").keys.items()} == {
        "a": 1,
        "b": 2,
        "c": 1,
    }
    assert finished.task("fail").errors == {"x": "ValueError: never 0"}
    assert (finished.state, tried) == ("failed", [0, 1, 2, 1])


def test_a_failed_key_tells_callbacks_and_later_tasks_its_error():
    told = []

    @task(on_failure_callback=lambda context: told.append(repr(context["exception"])))
    def divide(number):
        return 6 // number

    @task
    def tell(outcomes):
        return {key: [outcome.error_message, outcome.tries] for key, outcome in outcomes.items()}

    finished = run_local(of(lambda: tell(numbers("ab").map(divide).outcomes())))
    message = "integer division or modulo by zero"
    assert told == [f"ZeroDivisionError({message!r})"]
    assert finished.result("tell") == {"a": [message, 1], "b": [None, 1]}


def test_the_configuration_the_context_templates_and_operators_of_airflow():
    ended = []

    @task(on_success_callback=lambda context: ended.append(context["ti"].task_id))
    def shown(name, params=None):
        return [name, params["name"], get_current_context()["run_id"]]

    @task.branch
    def choose():
        return "left"

    def body():
        shown("{{ params.name }}")
        choose() >> [EmptyOperator(task_id="left"), EmptyOperator(task_id="right")]
        BashOperator(task_id="bash", bash_command="echo {{ params.name }}")
        double.expand(number=[1, 2])

    finished = run_local(of(body, params={"name": "x", "size": Param(1, type="integer")}), conf={"name": "y"})
    assert finished.result("shown") == ["y", "y", "local"]
    assert [finished.task(each).once.state for each in ("left", "right")] == ["success", "skipped"]
    assert finished.result("bash") == "y"
    assert finished.task("double").values == {"0": 2, "1": 4}
    assert ended == ["shown"]
    with pytest.raises(ParamValidationError, match=r"Invalid input for param size"):
        run_local(of(body, params={"name": "x", "size": Param(1, type="integer")}), conf={"size": "large"})


@pytest.mark.parametrize(
    ("rule", "ends", "expected"),
    [
        ("all_success", ("failed", "skipped"), "upstream_failed"),
        ("all_failed", ("failed", "failed"), "success"),
        ("all_done", ("failed", "skipped"), "success"),
        ("all_skipped", ("skipped", "success"), "skipped"),
        ("always", ("failed", "skipped"), "success"),
        ("none_failed", ("success", "skipped"), "success"),
        ("none_failed_min_one_success", ("skipped", "skipped"), "skipped"),
        ("none_skipped", ("failed", "success"), "success"),
        ("one_done", ("skipped", "skipped"), "skipped"),
        ("one_failed", ("success", "success"), "skipped"),
        ("one_success", ("failed", "skipped"), "upstream_failed"),
    ],
)
def test_trigger_rules(rule, ends, expected):
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    @task
    def end(how):
        if how != "success":
            raise {"failed": ValueError, "skipped": AirflowSkipException}[how]

    def body():
        [end.override(task_id=f"end_{how}_{at}")(how) for at, how in enumerate(ends)] >> EmptyOperator(
            task_id="last", trigger_rule=rule
        )

    assert run_local(of(body)).task("last").once.state == expected


def test_tasks_without_a_value_and_names_that_are_not_there():
    def body():
        double("{{ 1 / 0 }}")
        numbers().map(double)

    finished = run_local(of(body))
    with pytest.raises(ZeroDivisionError):
        finished.result("double")
    with pytest.raises(LookupError, match="the task 'double__1' runs for each key"):
        finished.result("double__1")
    with pytest.raises(LookupError, match="the task 'double' runs once"):
        _ = finished.task("double").states
    with pytest.raises(LookupError, match="the Dag has no task 'trible'; it has 'double', 'numbers'"):
        finished.task("trible")


def refused(body, **arguments):
    with pytest.raises(LocalRunError) as caught:
        run_local(of(body, **arguments))
    assert caught.value.remedy == (
        "Run the Dag with airflow_dynamic_provider.embedded.run(), which has a database."
    )
    return str(caught.value).removesuffix(f" {caught.value.remedy}")


def setup_and_teardown():
    double(1).as_setup() >> double(2)


def waiting():
    @task.sensor(mode="reschedule")
    def wait():
        """Never ready."""

    wait()


def poking():
    @task.sensor(poke_interval=0, timeout=0)
    def wait():
        return False

    wait()


def deferred():
    from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor

    TimeDeltaSensor(task_id="later", delta=timedelta(1), deferrable=True)


def deferring():
    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
    from airflow.sdk import BaseOperator

    class Later(BaseOperator):
        def execute(self, context):
            self.defer(trigger=TimeDeltaTrigger(timedelta(1)), method_name="execute")

    Later(task_id="later")


def workflow():
    @dynamic_workflow
    def plan(count: int):
        return [double(number) for number in range(count)]

    plan(2)


def reading_assets():
    @task(inlets=[Asset("table")])
    def read(inlet_events=None):
        return len(inlet_events[Asset("table")])

    read()


def expanded_strangely():
    double.expand(number=numbers.function and double.expand(number=[1]).map(lambda each: each))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            setup_and_teardown,
            "Task 'double': is a setup or teardown task, whose order only the scheduler knows.",
        ),
        (waiting, "Task 'wait': is a sensor that the scheduler starts again and again."),
        (deferred, "Task 'later': waits in the triggerer."),
        (deferring, "Task 'later': is deferred and waits for Airflow to resume it."),
        (
            workflow,
            "Task 'plan.plan': plans a dynamic workflow, whose nodes wait in the triggerer "
            "(my_workflow.local() runs one).",
        ),
        (
            reading_assets,
            "Task 'read': asked for what only a running Airflow has (GetAssetEventByAsset).",
        ),
        (
            expanded_strangely,
            "Task 'double__1': is expanded over values that only Airflow's scheduler counts.",
        ),
    ],
)
def test_what_needs_a_running_airflow_is_refused(body, expected):
    assert refused(body) == expected


def test_a_dag_that_the_scheduler_stops_is_refused_and_so_is_what_is_no_dag():
    assert refused(lambda: chain(double(1), double(2)), fail_fast=True) == (
        "Task 'double': its Dag has fail_fast=True, with which the scheduler stops other tasks."
    )
    with pytest.raises(
        LocalRunError, match=r"run_local\(\) received int, which is not a Dag. Pass a function"
    ):
        run_local(lambda: 3)


def test_a_sensor_that_pokes_runs_as_in_airflow():
    finished = run_local(of(poking))
    assert type(finished.task("wait").once.error).__name__ == "AirflowSensorTimeout"
    assert finished.state == "failed"
