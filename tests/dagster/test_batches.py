"""Programs give the same outputs and states of keys if their maps run many keys in one task instance."""

from __future__ import annotations

import os
from functools import partialmethod

import pytest

from airflow_dynamic_provider.dags_from.dagster.handles import DynamicHandle
from tests.dagster.plain import outcome
from tests.dagster.running import expected, jobs_of, load, nodes_of
from tests.workflow_runs import quickly

EXPECTED = expected()

#: Those that show the most. All of them: DAGSTER_BATCHES=all.
SHOWN = [
    ("mapping", "diamond"),
    ("optional", "routed"),
    ("storing", "custom_manager"),
    ("failures", "one_key_fails"),
]
ALL = [(name, job) for name in sorted(EXPECTED) for job in sorted(EXPECTED[name])]


@pytest.mark.parametrize(("name", "job"), ALL if os.environ.get("DAGSTER_BATCHES") == "all" else SHOWN)
def test_a_program_gives_the_same_in_batches(name, job, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_TEST_VARIABLE", "from outside")
    monkeypatch.setattr(DynamicHandle, "map", partialmethod(DynamicHandle.map, batch=2))
    module = load(name, tmp_path)
    made = jobs_of(module)[job]
    runs = getattr(module, "RUNS", {}).get(job, [{}])
    wanted = EXPECTED[name][job][0]
    with quickly():
        found = outcome(made, nodes_of(made), runs[0])
    # Airflow knows which keys of a batch were skipped, and this result only those that ran.
    states = {
        step: state for step, state in wanted["states"].items() if "[" not in step or state != "skipped"
    }
    assert found == {**wanted, "states": states}
