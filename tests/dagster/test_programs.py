"""Each program gives the same outputs and states of steps with Dagster, and as a Dag run."""

from __future__ import annotations

import os

from tests.dagster.plain import outcome
from tests.dagster.running import expected, jobs_of, load, nodes_of, set_environment
from tests.workflow_runs import quickly

EXPECTED = expected()


PROGRAMS = [(name, job) for name in sorted(EXPECTED) for job in sorted(EXPECTED[name])]


def pytest_generate_tests(metafunc):
    """Run every second program, beginning by the seed of the session. All of them: DAGSTER_PROGRAMS=all."""
    chosen = PROGRAMS
    if os.environ.get("DAGSTER_PROGRAMS") != "all":
        chosen = PROGRAMS[metafunc.config.option.seed % 2 :: 2]
    metafunc.parametrize(("name", "job"), chosen)


def test_a_program_gives_the_same(name, job, tmp_path, monkeypatch):
    set_environment(monkeypatch)
    module = load(name, tmp_path)
    made = jobs_of(module)[job]
    runs = getattr(module, "RUNS", {}).get(job, [{}])
    for arguments, wanted in zip(runs, EXPECTED[name][job], strict=True):
        with quickly():
            assert outcome(made, nodes_of(made), arguments) == wanted
