"""Classes that are defined in Dag files, in plans: each is found in the task's own file."""

from __future__ import annotations

import importlib.util
import shutil
import sys

import pytest
from airflow.utils.file import get_unique_dag_module_name

from tests.dag_runs import start_run
from tests.workflow_runs import quickly, run_workflows

FLOWS = '''
"""A Dag file like another one elsewhere."""

import dataclasses
from typing import NamedTuple

from airflow.sdk import DAG, task

from airflow_dynamic_provider import dynamic_workflow


@dataclasses.dataclass
class Row:
    size: object

    @property
    def place(self):
        return "{place}"


class Pair(NamedTuple):
    left: object
    right: object


@task
def measure(row):
    assert type(row) is Row, type(row)
    return [row.place, row.size]


@task
def join(pair):
    assert type(pair) is Pair, type(pair)
    assert type(pair.left) is Row, type(pair.left)
    return [*pair.right, pair.left.place]


@dynamic_workflow
def body(size: int):
    first = measure(Row(size))
    return join(Pair(Row(first), first))


@task
def keep(value):
    return value


with DAG("{place}", schedule=None) as the_dag:
    keep(body(3))
'''


def read(path):
    """Import a Dag file as Airflow does."""
    name = get_unique_dag_module_name(str(path))
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write(folder):
    for place in ("north", "south"):
        (folder / place).mkdir(parents=True)
        (folder / place / "flows.py").write_text(FLOWS.replace("{place}", place))
    return {place: folder / place / "flows.py" for place in ("north", "south")}


@pytest.fixture(autouse=True)
def _forget_dag_files():
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("unusual_prefix_"):
            del sys.modules[name]


@pytest.mark.parametrize("order", [("north", "south"), ("south", "north")], ids="-".join)
def test_two_dag_files_of_one_name_have_classes_of_their_own(tmp_path, order):
    files = write(tmp_path)
    modules = {place: read(files[place]) for place in order}
    for place, module in modules.items():
        run = run_workflows(module.the_dag)
        assert run.state == "success", run.errors
        assert run.xcom("keep") == [place, 3, place]


@pytest.mark.parametrize("order", [("north", "south"), ("south", "north")], ids="-".join)
def test_a_plan_made_where_the_files_lie_elsewhere_is_read(tmp_path, order):
    before = {place: read(file) for place, file in write(tmp_path / "planner").items()}
    for place in order:
        run = start_run(before[place].the_dag)
        with quickly():
            run_until(run, "body.plan")
        for module in before.values():
            sys.modules.pop(module.__name__, None)
        shutil.rmtree(tmp_path / "worker", ignore_errors=True)
        files = write(tmp_path / "worker")
        run.dag = {each: read(files[each]) for each in order}[place].the_dag
        with quickly():
            run.run()
        assert run.state == "success", run.errors
        assert run.xcom("keep") == [place, 3, place]


def run_until(run, task_id):
    """Run what is scheduled until a task has succeeded."""
    while run.state_of(task_id) != "success":
        for ti in run._schedule():
            run._execute(ti)
        assert not any(run.errors.values()), run.errors


def test_a_class_of_another_dag_file_of_the_same_name_is_refused(tmp_path):
    files = write(tmp_path)
    north, south = (read(files[place]) for place in ("north", "south"))
    # As if one file had got an object of the other, by whatever way.
    north.Row = south.Row
    run = run_workflows(north.the_dag)
    assert run.state == "failed"
    error = run.error("body.plan")
    assert "Task 'body.plan': an object of the class Row cannot go into a plan" in error
    assert f"because the class is defined in another Dag file: {files['south']}" in error
