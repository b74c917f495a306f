"""Programs give the same outputs and states of keys if their maps run many keys in one task instance."""

from __future__ import annotations

import os
from functools import partialmethod

import pytest

from airflow_dynamic_provider.dags_from.dagster.handles import DynamicHandle
from airflow_dynamic_provider.local import run_local
from tests.dagster.plain import outcome
from tests.dagster.running import MODULE, expected, jobs_of, load, nodes_of, set_environment
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
    set_environment(monkeypatch)
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


RESOURCES = f"""
import os
from airflow_dynamic_provider import Batch
from {MODULE} import DynamicOut, DynamicOutput, job, op, resource

def note(text):
    with open(os.environ["DAGSTER_TEST_EVENTS"], "a") as file:
        file.write(text + " ")

@resource
def connection(context):
    note("open")
    yield "connected"
    note("close")

@resource(required_resource_keys={{"connection"}})
def client(context):
    note("open_client")
    yield context.resources.connection
    note("close_client")

@op(out=DynamicOut(int))
def three():
    for i in range(3):
        yield DynamicOutput(i, mapping_key=f"k{{i}}")

@op(required_resource_keys={{"client"}})
def work(context, n):
    note(f"work{{n}}")
    if n == 1:
        raise ValueError("no")
    return context.resources.client
"""
JOB = """
@job(resource_defs={"client": client, "connection": connection})
def process():
    three().map(work, batch=%s)
"""


@pytest.mark.parametrize(
    ("batch", "sets"),
    [("3", 1), ("Batch(3, concurrency=2)", 1), ("2", 2), ("Batch(3, runner='processes')", 3)],
)
def test_a_batch_sets_its_resources_up_once_and_tears_them_down(batch, sets, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_TEST_EVENTS", str(tmp_path / "events"))
    module = load("resources_of_batches", tmp_path, RESOURCES + JOB % batch)
    finished = run_local(module.process.dag)
    assert finished.task("work").states == {"k0": "success", "k1": "failed", "k2": "success"}
    events = (tmp_path / "events").read_text().split()
    assert {each: events.count(each) for each in events} == {
        **dict.fromkeys(("open", "open_client", "close_client", "close"), sets),
        **{f"work{n}": 1 for n in range(3)},
    }
    # In other processes, keys may run at the same time.
    if sets < 3:
        assert (events[:2], events[-2:]) == (["open", "open_client"], ["close_client", "close"])
