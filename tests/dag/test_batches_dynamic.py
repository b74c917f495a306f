"""Tasks with dynamic outputs in batches: each key has outputs of its own, which others map and collect."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ProcessPoolExecutor
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, task

from airflow_dynamic_provider import (
    Batch,
    DynamicOut,
    DynamicOutput,
    Out,
    Output,
    add_output_metadata,
    dynamic_task,
)
from airflow_dynamic_provider.execution.batch_records.items import StoredBatchItems, items_xcom
from airflow_dynamic_provider.execution.batch_records.stored import StoredChunk, chunk_xcom
from airflow_dynamic_provider.execution.batches import recording
from airflow_dynamic_provider.execution.layout import StoredEntries, entries_xcom
from tests.api_server import ApiServer
from tests.dag.misbehaving import behave
from tests.dag.workflow_clears import execute
from tests.dag_runs import run_dag, start_run
from tests.local_runs import run_locally
from tests.marking import needs_task_state_store

pytestmark = pytest.mark.dag

#: What the tasks below do; a test changes it. ``acts`` is key -> what happens, ``ran`` the keys that ran.
WORLD = SimpleNamespace()


@pytest.fixture(autouse=True)
def _world():
    WORLD.acts, WORLD.ran, WORLD.size = {}, [], 1


@dynamic_task(out=DynamicOut(int))
def outer():
    for number in range(4):
        yield DynamicOutput(number, f"k{number}")


def act(key):
    WORLD.ran.append(key)
    how = WORLD.acts.get(key)
    behave("fail" if how == "fail once" and WORLD.ran.count(key) == 1 else how, key)


@dynamic_task(out={"rows": DynamicOut(str), "count": Out(int), "extra": Out(str, is_required=False)})
def read(number, mapping_key=None):
    act(mapping_key)
    for row in range(number):
        value = row if WORLD.acts.get(mapping_key) == "wrong type" else f"{mapping_key} {row}" * WORLD.size
        yield DynamicOutput(value, f"r{row}", "rows", metadata={"row": row})
    if number:
        add_output_metadata({"late": number}, output_name="rows", mapping_key="r0")
    yield Output(number, "count", metadata={"counted": True})
    if number % 2:
        yield Output(f"odd {number}", "extra")


@task
def use(value):
    return f"<{value}>"


@task
def keep(values):
    return values


@task
def unroll(values):
    """Return a lazy collection, which cannot be stored as it is."""
    return {key: dict(rows) for key, rows in values.items()}


def program(batch, below=None, dag_id="produced"):
    with DAG(dag_id, schedule=None) as dag:
        produced = outer().map(read, batch=batch)
        used = produced.rows.map(use, batch=below)
        for name, collected in {
            "rows": produced.rows.collect(keyed=True),
            "used": used.collect(keyed=True, min_success_ratio=0),
            "flat": used.collect(min_success_ratio=0),
            "states": used.states(),
            "counts": produced.count.collect(keyed=True, min_success_ratio=0),
            "extras": produced.extra.collect(keyed=True, min_success_ratio=0),
            "more": produced.extra.map(use, batch=batch).states(),
            "zipped": produced.rows.zip(used).map(lambda *pair: use(pair)).collect(),
        }.items():
            keep.override(task_id=name)(collected)
        unroll.override(task_id="lazy")(produced.rows.collect(keyed=True, lazy=True))
    return dag


NAMES = ("rows", "lazy", "used", "flat", "states", "counts", "extras", "more", "zipped")


def seen(run):
    metadata = [
        entry.metadata
        for page in run.xcoms("read__keys", entries_xcom(0)).values()
        for entry in StoredEntries.unpack(page).entries
    ]
    # No task runs after these, so they also decide about the state of the run.
    return {name: (run.state_of(name), str(run.xcom(name))) for name in NAMES}, metadata


ROWS = {f"k{number}": {f"r{row}": f"k{number} {row}" for row in range(number)} for number in range(4)}

ACTS = [{}, {"k1": "fail", "k2": "skip"}, {"k3": "wrong type"}]


@pytest.mark.parametrize("acts", ACTS, ids=str)
def test_a_batch_gives_what_single_clones_give(acts):
    WORLD.acts = acts
    expected = seen(run_locally(program(None)))
    if not acts:
        ends, _ = expected
        assert ends["used"][1].startswith("{'k0': {}, 'k1': {'r0': '<k1 0>'}")
        assert ends["lazy"] == ends["rows"] == ("success", str(ROWS))
    for batch, below in ((3, 2), (Batch(2, concurrency=2), None)):
        assert seen(run_locally(program(batch, below))) == expected


FAILED = {"k0": "skip", "k1": "fail"}


@pytest.fixture(scope="module")
def failed_run(airflow_database, execution_api):
    WORLD.acts, WORLD.ran, WORLD.size = FAILED, [], 1
    return run_dag(program(3, 2))


def test_each_key_fails_by_itself_and_its_error_says_why():
    WORLD.acts = {"k3": "wrong type"}
    run = run_locally(program(10))
    chunk = StoredChunk.unpack(run.xcom("read", chunk_xcom(0), 0))
    (failed,) = [record for record in chunk.records if record.state == "failed"]
    assert failed.key_path == ("k3",)
    assert not failed.items
    assert failed.failure.kind == "OutputTypeError"
    assert "Task 'read', output 'rows', key 'r0'" in failed.failure.message
    by_key = {record.key_path[0]: record.metadata for record in chunk.records}
    assert by_key["k2"]["outputs"]["count"]["counted"]["value"] is True
    assert by_key["k2"]["keys"]["rows"]["r0"]["late"]["value"] == 2


def test_pages_and_commands_show_what_each_key_of_a_batch_produced(failed_run, capsys):
    run = failed_run
    path = f"/dags/{run.dag.dag_id}/runs/{run.run_id}"
    batch = ApiServer().get(f"{path}/task-instances/read/0").json()
    assert {each["name"]: each["keys"] for each in batch["outputs"]} == {
        "rows": 2,
        "count": None,
        "extra": None,
    }

    def read(*arguments):
        capsys.readouterr()
        execute([arguments[0], run.dag.dag_id, run.run_id, *arguments[1:], "--output", "json"])
        return json.loads(capsys.readouterr().out)

    listed = {each["name"]: (each["keys"], each["counts"]) for each in read("list")["outputs"]}
    assert listed["read.rows"] == (5, {"success": 5})
    shown = read("show", "k3/r0", "--of", "read.rows")
    assert shown["origins"] == [{"task_id": "read", "map_index": 1, "output": "rows", "description": None}]
    assert shown["metadata"]["row"]["value"] == 0
    assert shown["metadata"]["late"]["value"] == 3
    assert {each["task_id"]: each["state"] for each in shown["task_instances"]} == {"use": "success"}


def test_airflow_runs_the_same(failed_run):
    assert failed_run.state == "failed"
    WORLD.acts = FAILED
    assert seen(failed_run) == seen(run_locally(program(None)))
    WORLD.acts = {}
    run = run_dag(program(Batch(2, concurrency=2), dag_id="produced_by_threads"))
    assert run.state == "success"
    assert seen(run) == seen(run_locally(program(None)))


def produced_by(batch, function=read, **settings):
    with DAG("alone", schedule=None) as dag:
        made = outer().map(function.override(**settings), batch=batch)
        rows = made[0] if isinstance(made, tuple) else made
        keep(rows.collect(keyed=True, min_success_ratio=0))
        keep.override(task_id="used")(rows.map(use).collect(keyed=True, min_success_ratio=0))
    return dag


@dynamic_task(out={"rows": DynamicOut(str)})
async def read_async(number, mapping_key=None):
    await asyncio.sleep(0)
    for row in range(number):
        yield DynamicOutput(f"{mapping_key} {row}", f"r{row}", "rows", metadata={"row": row})
        add_output_metadata({"late": row}, mapping_key=f"r{row}")


RUNNERS = {
    "threads": (read, Batch(2, concurrency=2)),
    "an event loop": (read_async, Batch(4)),
    "processes": (read, Batch(4, runner="processes", concurrency=2)),
    "an executor of processes": (read_async, Batch(4, runner=lambda: ProcessPoolExecutor(2))),
}


@pytest.mark.parametrize(("function", "batch"), RUNNERS.values(), ids=RUNNERS)
def test_every_runner_brings_back_what_a_key_produced(function, batch):
    run = run_locally(produced_by(batch, function))
    assert run.xcom("keep") == ROWS
    assert run.xcom("used") == {
        key: {row: f"<{value}>" for row, value in rows.items()} for key, rows in ROWS.items()
    }
    (page,) = run.xcoms(f"{function.function.__name__}__keys", entries_xcom(0)).values()
    labels = {entry.key_path: set(entry.metadata) for entry in StoredEntries.unpack(page).entries}
    assert labels["k3", "r0"] == {"row", "late"}


def test_values_are_in_pages_and_a_task_reads_one_of_them(monkeypatch):
    monkeypatch.setattr(recording, "CHUNK_BYTES", 100)
    WORLD.size = 10
    run = run_dag(produced_by(4))
    assert run.xcom("keep")["k3"]["r2"] == "k3 2" * 10
    pages = [run.xcom("read", items_xcom(page), 0) for page in range(3)]
    assert [len(StoredBatchItems.unpack(page).values) for page in pages] == [2, 2, 2]
    # The list of keys says on which page a value is. The key, the page, and the state of no other clone.
    for number in range(6):
        assert run.calls.messages["use", number]["GetXCom"] == 2


@needs_task_state_store
def test_a_retry_keeps_what_succeeded_keys_have_produced(monkeypatch):
    monkeypatch.setattr(recording, "CHUNK_BYTES", 100)
    WORLD.size, WORLD.acts = 10, {"k2": "fail once"}
    run = start_run(produced_by(4, retries=1, retry_delay=0)).run()
    assert run.state == "success"
    assert run.xcom("keep") == {
        key: {row: value * 10 for row, value in rows.items()} for key, rows in ROWS.items()
    }
    assert WORLD.ran == ["k0", "k1", "k2", "k3", "k2"]


def test_a_clear_of_a_single_key_keeps_what_the_others_have_produced():
    run = start_run(produced_by(4)).run()
    before = run.xcom("keep")
    WORLD.ran, WORLD.size = [], 2
    execute(["clear", run.dag.dag_id, run.run_id, "--of", "outer.result", "--key", "k2", "--yes"])
    run.run()
    assert WORLD.ran == ["k2"]
    changed = {"k2": {row: value * 2 for row, value in ROWS["k2"].items()}}
    assert (before, run.xcom("keep")) == (ROWS, {**ROWS, **changed})
    assert run.xcom("used")["k3"] == {row: f"<{value}>" for row, value in ROWS["k3"].items()}
