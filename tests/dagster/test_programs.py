"""Each program gives the same outputs and states of steps with Dagster, and as a Dag run."""

from __future__ import annotations

import pytest

from tests.dagster.plain import outcome
from tests.dagster.running import expected, jobs_of, load, nodes_of
from tests.workflow_runs import quickly

EXPECTED = expected()


@pytest.mark.parametrize(
    ("name", "job"), [(name, job) for name in sorted(EXPECTED) for job in sorted(EXPECTED[name])]
)
def test_a_program_gives_the_same(name, job, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_TEST_VARIABLE", "from outside")
    module = load(name, tmp_path)
    made = jobs_of(module)[job]
    runs = getattr(module, "RUNS", {}).get(job, [{}])
    for arguments, wanted in zip(runs, EXPECTED[name][job], strict=True):
        with quickly():
            assert outcome(made, nodes_of(made), arguments) == wanted
