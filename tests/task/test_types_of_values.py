"""What is said about values and types that do not fit."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Out, Output, errors
from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.execution.typed_values import stored_form, value_of
from tests.task_runs import FakeSupervisor, run_task

pytestmark = pytest.mark.task


@dataclasses.dataclass
class Config:
    name: str
    more: Any = None


@dataclasses.dataclass
class Other:
    name: str


@task.dynamic(out=DynamicOut(Config))
def configs():
    yield DynamicOutput(Config("a"), "k")


@task.dynamic(out=DynamicOut(dict))
def dicts():
    yield DynamicOutput({"name": "a"}, "good")
    yield DynamicOutput({"size": 1}, "bad")


@task
def take(config: Config) -> str:
    return config.name


@task
def take_other(config: Other) -> str:
    return config.name


@task
def take_text(config: str) -> str:
    return config


@task
def give(name: str) -> Config:
    return Config(name)


@pytest.mark.parametrize("function", [take_other, take_text])
@pytest.mark.parametrize("batch", [None, 2])
def test_a_parameter_of_another_class_is_refused_in_the_dag_file(function, batch):
    with DAG("apart"), pytest.raises(errors.MapFunctionError) as caught:
        configs().map(function, batch=batch)
    annotated = "Other" if function is take_other else "str"
    name = function.function.__name__
    assert f"Task {name!r}: {name!r} takes 'config' as {annotated}, but configs.result gives Config. " in str(
        caught.value
    )
    assert "Correct the annotation or the declared type." in str(caught.value)


def test_the_result_of_a_mapped_task_has_the_type_of_its_annotation_in_the_dag_file():
    @task.dynamic(out=DynamicOut(str))
    def names():
        yield DynamicOutput("a", "k")

    with DAG("apart_later"):
        given = names().map(give)
        given.map(take)
        with pytest.raises(
            errors.MapFunctionError, match=r"takes 'config' as Other, but give\.result gives Config"
        ):
            given.map(take_other)


def test_plain_json_becomes_the_annotated_type_if_it_fits():
    @dag(schedule=None)
    def converted():
        dicts().map(take)

    made, supervisor = converted(), FakeSupervisor()
    assert run_task(made, "dicts", supervisor=supervisor).state == "success"
    assert run_task(made, "take", 0, supervisor).state == "success"
    run = run_task(made, "take", 1, supervisor)
    assert type(run.error) is errors.ParameterTypeError
    assert run.message.startswith(
        "Task 'take': the parameter 'config' is annotated as Config, but receives {'size': 1} of type dict "
    )
    assert "declare the type in the task that produces the value" in run.message


def test_an_undeclared_part_is_named_with_its_place_and_what_to_do():
    @task.dynamic(out={"many": DynamicOut(list[Config]), "one": Out(dict[str, Path])})
    def deep():
        yield Output({"a": Path("x")}, "one")
        yield DynamicOutput([Config("a"), Config("b", {1: "x"})], "k", "many")

    @dag(schedule=None)
    def made():
        many, _ = deep()
        many.map(take.override(task_id="unused"))

    run = run_task(made(), "deep")
    assert type(run.error) is errors.UnstorableOutputError
    assert run.message.startswith(
        "Task 'deep', output 'many', key 'k': XCom does not return the same value: "
    )
    assert "the key 1 of type int comes back as '1' of type str, at " in run.message
    assert "[1]['more']" in run.message
    assert "Or declare its type" in run.message


def test_a_type_that_has_changed_since_is_named():
    stored = stored_form(Config("a"), Config)
    with pytest.raises(errors.LayoutError, match="does not fit the declared type: no type is declared now"):
        value_of(stored, Any)
    with pytest.raises(errors.LayoutError, match="is not stored as the type Other"):
        value_of(stored_form(Config("a", 1), Config), Other)


def test_a_backend_of_the_deployment_gets_json(mocker):
    assert stored_form((1, 2), tuple[int, int]) == (1, 2)
    mocker.patch.object(xcom, "is_airflows_backend", return_value=False)
    assert stored_form((1, 2), tuple[int, int]) == {"$typed": [1, 2]}
    assert stored_form([1, 2], list[int]) == [1, 2]


def test_values_of_earlier_releases_are_read_as_they_are():
    for stored in ({"name": "a"}, [1, 2], "text", None, (1, 2), {"$typed": 1, "more": 2}):
        assert value_of(stored, Config) == stored
