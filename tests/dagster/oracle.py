"""Runs the programs with Dagster itself, in one process, and writes what they gave as JSON.

It runs in the environment of ``make test-dagster``, which has Dagster and not Airflow::

    python -m tests.dagster.oracle tests/dagster/expected.json [--check]
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tempfile
import warnings
from pathlib import Path

from tests.dagster.plain import ENVIRONMENT, outcome
from tests.oracles import write_or_compare

PROGRAMS = Path(__file__).parent / "programs"


def outcomes_of(name):
    """Return job -> the outcome of each of its runs, for one file of programs."""
    program = importlib.import_module(f"tests.dagster.programs.{name}")
    runs = getattr(program, "RUNS", {})
    jobs = {
        each.name: each
        for each in vars(program).values()
        if hasattr(each, "execute_in_process") and hasattr(each, "op_retry_policy")
    }
    return {
        job: [outcome(jobs[job], nodes_of(jobs[job]), arguments) for arguments in runs.get(job, [{}])]
        for job in sorted(jobs)
    }


def nodes_of(job):
    """Return path -> names of the outputs, for each op of a job."""
    found = {}
    todo = [("", job.graph)]
    while todo:
        path, graph = todo.pop()
        for node in graph.nodes:
            inner = f"{path}.{node.name}" if path else node.name
            if hasattr(node.definition, "nodes"):
                todo.append((inner, node.definition))
            else:
                found[inner] = list(node.definition.output_dict)
    return found


def main(file, *options):
    """Write the outcomes of all programs, or compare them with those in the file."""
    names = sorted(path.stem for path in PROGRAMS.glob("*.py") if path.stem != "__init__")
    here = Path(file).resolve()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(ENVIRONMENT, DAGSTER_HOME=folder, DAGSTER_DISABLE_TELEMETRY="1")
        found = {name: outcomes_of(name) for name in names}
    words, count = "Dagster gives other outcomes", sum(map(len, found.values()))
    return write_or_compare(here, found, options, words=words, count=count, sort_keys=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
