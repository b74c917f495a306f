"""Outputs of a task that declares none: a forgotten ``.dynamic``."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, Output, add_output_metadata, errors
from tests.task_runs import FakeSupervisor, run_task


def run_plain(function, **arguments):
    @dag(schedule=None)
    def plain():
        task(**arguments)(function)()

    return run_task(plain(), function.__name__)


@pytest.mark.parametrize("wrap", [lambda event: event, lambda event: [event], lambda event: {"a": (event,)}])
def test_a_dynamic_output_that_a_plain_task_returns(wrap):
    def files():
        return wrap(DynamicOutput("x", "a.csv"))

    run = run_plain(files)
    assert run.state == "failed"
    assert type(run.error) is errors.UnexpectedOutputError
    assert run.message.startswith(
        "Output 'result', key 'a.csv': this DynamicOutput is a value, or part of a value,"
    )
    assert "Decorate the function with @task.dynamic(out=DynamicOut(...))" in run.message
    assert run.supervisor.xcoms == {}


def test_an_output_that_a_plain_task_returns():
    def total():
        return Output(3, "total")

    run = run_plain(total)
    assert type(run.error) is errors.UnexpectedOutputError
    assert run.message.startswith("Output 'total': this Output is a value")
    assert "@task.dynamic(out=Out(...))" in run.message


def test_a_dynamic_output_that_a_clone_returns():
    @task.dynamic(out=DynamicOut(int))
    def produce():
        yield DynamicOutput(1, "a")

    @task
    def work(value):
        return [DynamicOutput(value, "inner")]

    @dag(schedule=None)
    def mapped():
        work.override(task_id="sink")(produce().map(work).collect())

    made, supervisor = mapped(), FakeSupervisor()
    run_task(made, "produce", supervisor=supervisor)
    run = run_task(made, "work", 0, supervisor)
    assert type(run.error) is errors.UnexpectedOutputError
    assert run.message.startswith("Task 'work', output 'result', key 'inner': this DynamicOutput is a value")


def test_metadata_for_an_output_of_a_task_that_declares_none():
    def files():
        add_output_metadata({"x": 1}, output_name="nope")

    run = run_plain(files)
    assert type(run.error) is errors.UnexpectedOutputError
    assert run.message == (
        "Task 'files', output 'nope': received metadata, but this task declares no outputs. "
        "Leave output_name= out, or declare the output: @task.dynamic(out={...})."
    )
    assert run.supervisor.xcoms == {}


@pytest.mark.parametrize(
    ("output_name", "arguments"), [("result", {}), (None, {}), ("part", {"multiple_outputs": True})]
)
def test_metadata_for_an_output_that_a_plain_task_has(output_name, arguments):
    def files():
        add_output_metadata({"x": 1}, output_name=output_name)
        return {"part": 1}

    run = run_plain(files, **arguments)
    assert run.state == "success", run.error
