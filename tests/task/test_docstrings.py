"""The examples in the public docstrings run."""

from __future__ import annotations

import doctest
import inspect
import os
from pathlib import Path

import pytest
from airflow.sdk import DAG, task

import airflow_dynamic_provider

PUBLIC = {
    name: thing
    for name in airflow_dynamic_provider.__all__
    if not isinstance(thing := getattr(airflow_dynamic_provider, name), str)
}


class Checker(doctest.OutputChecker):
    """Ignore the return value of a line if the docstring does not show it."""

    def check_output(self, want, got, optionflags):
        return not want or super().check_output(want, got, optionflags)


def examples():
    finder = doctest.DocTestFinder(recurse=True, exclude_empty=True)
    for name, thing in PUBLIC.items():
        for example in finder.find(thing, name, module=inspect.getmodule(thing)):
            if example.examples:
                yield pytest.param(example, id=example.name)


@pytest.mark.parametrize("example", examples())
def test_an_example_in_a_docstring_runs(example):
    @task
    def any_task(*args, **kwargs):
        return args

    @task.dynamic(out=airflow_dynamic_provider.DynamicOut(str))
    def files_in_directory(path):
        yield airflow_dynamic_provider.DynamicOutput("x", "a")

    with DAG("docstring", schedule=None):
        files = files_in_directory("/")
        example.globs.update(
            PUBLIC,
            task=task,
            Path=Path,
            os=os,
            files=files,
            counts=files.map(any_task.override(task_id="counts")),
            sizes=files.map(any_task.override(task_id="sizes")),
            models=files_in_directory.override(task_id="models")("/"),
            datasets=files_in_directory.override(task_id="datasets")("/"),
            compare=any_task.override(task_id="compare"),
            evaluate=any_task.override(task_id="evaluate"),
            count_lines=any_task.override(task_id="count_lines"),
            report=any_task.override(task_id="report"),
            summarize=any_task.override(task_id="summarize"),
            add_up=any_task.override(task_id="add_up"),
        )
        output = []
        result = doctest.DocTestRunner(Checker(), verbose=False).run(example, out=output.append)
    assert not result.failed, "".join(output)


def test_every_public_name_but_few_has_an_example():
    without = {name for name, thing in PUBLIC.items() if ">>>" not in inspect.getdoc(thing)}
    # The first is an exception, tasks create the second, and the third has a counterpart with an example.
    assert without == {"DynamicOutputsError", "Handle", "get_mapping_key_path"}
