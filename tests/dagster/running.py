"""Loads programs with another import line, and runs them."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

from tests.dagster.plain import ENVIRONMENT

HERE = Path(__file__).parent
MODULE = "airflow_dynamic_provider.dags_from.dagster"


def expected():
    """Return file -> job -> runs, as Dagster ran them."""
    return json.loads((HERE / "expected.json").read_text(encoding="utf-8"))


def source_of(name):
    """Return the source of a file of programs, with Dagster's name replaced in its import line."""
    return with_own_names((HERE / "programs" / f"{name}.py").read_text(encoding="utf-8"))


def with_own_names(text):
    """Return the source of a program with Dagster's name replaced in its import line."""
    return text.replace("from dagster import", f"from {MODULE} import", 1)


def load(name, folder, source=None):
    """Write a file of programs into a folder, and return its module."""
    file = folder / f"{name}.py"
    file.write_text(source_of(name) if source is None else source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(f"dagster_program_{name}", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def jobs_of(module):
    """Return name -> job, for the jobs of a module."""
    from airflow_dynamic_provider.dags_from.dagster import JobDefinition

    return {each.name: each for each in vars(module).values() if isinstance(each, JobDefinition)}


def nodes_of(job):
    """Return path -> names of the outputs, for each op of a job."""
    return {path: list(node.definition.outs) for path, node in job.composition.nodes.items()}


def set_environment(monkeypatch):
    """Set the variables of the environment that programs read."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
