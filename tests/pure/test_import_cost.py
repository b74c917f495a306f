"""The modules that a Dag file loads for this package, beyond those that it loads for Airflow anyway."""

from __future__ import annotations

import pytest

from tests.pure.processes import PACKAGE, run_python

pytestmark = pytest.mark.pure

ROOT = PACKAGE.name

DAG_FILE = f"""
import sys, json
from airflow.sdk import dag, task
task(lambda: None)
before = set(sys.modules)
from {ROOT} import (
    DynamicOut, DynamicOutput, MetadataValue, Out, Output, add_output_metadata, dynamic_task,
    dynamic_workflow, map_task
)
print(json.dumps(sorted(set(sys.modules) - before)))
"""

#: Modules of servers and databases, and modules that only pages and commands need.
HEAVY = {"fastapi", "flask", "pydantic", "sqlalchemy", "starlette", "uvicorn"}
EDGES = (
    f"{ROOT}.cli",
    f"{ROOT}.database",
    f"{ROOT}.embedded",
    f"{ROOT}.ui",
    "airflow.api_fastapi",
    "airflow.models",
    "airflow.plugins_manager",
)


@pytest.fixture(scope="module")
def added():
    """Return the modules that the import adds in a Dag file."""
    return run_python(DAG_FILE)


def test_a_dag_file_loads_no_server_and_no_database_code(added):
    assert not [name for name in added if name.split(".")[0] in HEAVY]


def test_a_dag_file_loads_none_of_the_edges(added):
    assert not [name for name in added if f"{name}.".startswith(tuple(f"{edge}." for edge in EDGES))]


def test_the_import_really_took_place(added):
    assert f"{ROOT}.authoring.decorator" in added


def test_a_dag_file_loads_nothing_else_from_elsewhere(added):
    assert {name for name in added if name.split(".")[0] != ROOT} <= {
        "airflow.providers.standard.operators.empty"
    }


PLUGIN = f"""
import sys, json
import airflow.plugins_manager
from airflow.configuration import conf
before = set(sys.modules)
from {ROOT}.ui.plugin import DynamicOutputsPlugin
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_the_plugin_which_every_task_process_loads_brings_nothing_with_it():
    assert set(run_python(PLUGIN)) - {ROOT} == {
        f"{ROOT}.airflow_adapter",
        f"{ROOT}.airflow_adapter.configuration",
        f"{ROOT}.airflow_adapter.plugins",
        f"{ROOT}.ui",
        f"{ROOT}.ui.plugin",
    }


EMBEDDED = f"""
import sys, json
from airflow.sdk import dag, task
before = set(sys.modules)
import {ROOT}.embedded
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_an_embedded_run_loads_no_database_code_before_it_has_a_home():
    loaded = run_python(EMBEDDED)
    assert f"{ROOT}.embedded.running" in loaded
    assert f"{ROOT}.airflow_adapter.models" not in loaded
    assert not [name for name in loaded if name.split(".")[0] in HEAVY]


COMMAND = f"""
import sys, json
import {ROOT}.airflow_adapter.commands, {ROOT}.airflow_adapter.models
before = set(sys.modules)
import {ROOT}.cli.database_source
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def test_a_command_beside_the_database_loads_little_that_airflow_does_not():
    added = run_python(COMMAND)
    own = [name for name in added if name.split(".")[0] == ROOT]
    assert set(added) - set(own) <= {"difflib", "graphlib"}
    assert not [name for name in own if f".{name.split('.')[1]}." in (".authoring.", ".embedded.", ".ui.")]
    assert len(own) < 95
