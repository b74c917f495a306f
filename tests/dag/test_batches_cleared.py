"""A clear of single keys runs only these keys of a batch again, and what depends on them."""

from __future__ import annotations

import json
import random
from collections import Counter
from types import SimpleNamespace

import pytest
from airflow.sdk import DAG, TaskGroup, get_current_context, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_task, get_mapping_key
from airflow_dynamic_provider.airflow_adapter.models import create_session
from airflow_dynamic_provider.database.clearing import clear as clear_in_database
from airflow_dynamic_provider.database.key_clearing import KeySelection, find_keys
from airflow_dynamic_provider.database.matrix import Matrix, Query
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.execution.batch_records.kept import StoredKept, kept_xcom
from airflow_dynamic_provider.execution.batch_records.stored import StoredChunk, chunk_xcom
from tests.dag.misbehaving import behave
from tests.dag.workflow_clears import execute
from tests.dag_runs import start_run
from tests.marking import needs_task_state_store

pytestmark = pytest.mark.dag

#: ``acts`` is (task, key) -> what happens, ``ran`` what ran: "task key".
WORLD = SimpleNamespace()


@pytest.fixture(autouse=True)
def _world():
    WORLD.count, WORLD.order, WORLD.acts, WORLD.ran = 5, None, {}, []


@dynamic_task(out=DynamicOut(int))
def produce():
    for number in WORLD.order or range(WORLD.count):
        yield DynamicOutput(number, f"k{number}")


def act():
    task_id, key = get_current_context()["ti"].task_id, get_mapping_key()
    WORLD.ran.append(f"{task_id} {key}")
    behave(WORLD.acts.get((task_id, key)), key)


@task
def first(number):
    act()
    return number * 10


@task
def second(number):
    act()
    return number + 1


@task
def third(number):
    act()
    return number + 1


@task
def keep(values):
    return values


def clear(run, *arguments):
    execute(["clear", run.dag.dag_id, run.run_id, *arguments, "--yes"])
    WORLD.ran = []
    return run


def chain():
    with DAG("cleared_chain", schedule=None) as dag:
        results = produce().map(first, batch=3).map(second, batch=2)
        single = results.map(third)
        keep(single.collect(keyed=True, min_success_ratio=0))
        keep.override(task_id="states")(results.states())
    return dag


def test_the_failed_keys_of_all_batches_run_again_with_what_depends_on_them(capsys):
    WORLD.acts = {("first", "k1"): "fail", ("first", "k4"): "fail"}
    run = start_run(chain()).run()
    assert run.xcom("keep") == {"k0": 2, "k2": 22, "k3": 32}
    WORLD.acts = {("first", "k4"): "fail"}
    capsys.readouterr()
    execute(["clear", run.dag.dag_id, run.run_id, "--state", "failed", "--output", "json"])
    rows = json.loads(capsys.readouterr().out)
    assert {(row["task_id"], row["name"]) for row in rows if row["task_id"] in ("first", "second")} == {
        ("first", "'k1' of k0 … k2 (3)"),
        ("first", "'k4' of k3 … k4 (2)"),
        ("second", "'k1' of k0 … k1 (2)"),
        ("second", "'k4'"),
    }
    clear(run, "--state", "failed").run()
    assert sorted(WORLD.ran) == ["first k1", "first k4", "second k1", "third k1"]
    assert run.states("first") == {"k0 … k2 (3)": "success", "k3 … k4 (2)": "failed"}
    assert run.xcom("keep") == {"k0": 2, "k1": 12, "k2": 22, "k3": 32}
    WORLD.acts = {}
    clear(run, "--key", "k4").run()
    assert sorted(WORLD.ran) == ["first k4", "second k4", "third k4"]
    assert run.xcom("keep") == {f"k{number}": number * 10 + 2 for number in range(5)}
    # Airflow's own clear runs all keys of the batch.
    WORLD.ran = []
    run.clear("first", 0, downstream=False).run()
    assert sorted(WORLD.ran) == ["first k0", "first k1", "first k2"]


def only(**settings):
    with DAG("cleared_alone", schedule=None) as dag:
        results = produce().map(first.override(**settings), batch=3)
        keep(results.collect(keyed=True, min_success_ratio=0))
    return dag


def shown(run):
    """Key -> (state, number of tries) on the page."""
    with create_session() as session:
        opened = open_run(session, run.dag.dag_id, run.run_id)
        matrix = Matrix(opened.source, opened.space("produce.result"))
        rows = matrix.page(Query()).rows
        cells = {row.key_path[0]: row.cells["first"] for row in rows}
        return {key: (cell.state, cell.instance.try_number) for key, cell in cells.items()}


def test_clears_before_the_batch_starts_add_up_and_airflows_own_clear_ends_them():
    WORLD.acts = {("first", "k1"): "fail"}
    run = start_run(only()).run()
    assert shown(run) == {**dict.fromkeys(["k0", "k2", "k3", "k4"], ("success", 1)), "k1": ("failed", 1)}
    WORLD.acts = {}
    clear(clear(run, "--key", "k1"), "--key", "k2")
    # What is kept is shown at once.
    assert {key: state for key, (state, _) in shown(run).items()} == {
        **dict.fromkeys(["k0", "k3", "k4"], "success"),
        **dict.fromkeys(["k1", "k2"], None),
    }
    run.run()
    assert WORLD.ran == ["first k1", "first k2"]
    assert shown(run) == {
        **dict.fromkeys(["k0", "k3", "k4"], ("success", 1)),
        **dict.fromkeys(["k1", "k2"], ("success", 2)),
    }
    assert run.xcom("keep") == {f"k{number}": number * 10 for number in range(5)}
    # The first of these clears is void after the second.
    clear(run, "--key", "k1").clear("first", 0, downstream=False).run()
    assert WORLD.ran == ["first k0", "first k1", "first k2"]
    assert run.xcom("keep") == {f"k{number}": number * 10 for number in range(5)}


@needs_task_state_store
def test_a_retry_after_a_clear_runs_only_the_cleared_keys_that_did_not_succeed():
    WORLD.acts = {("first", "k0"): "fail", ("first", "k1"): "fail", ("first", "k4"): "fail for good"}
    run = start_run(only(retries=1, retry_delay=0)).run()
    WORLD.acts = {("first", "k0"): "fail", ("first", "k4"): "fail"}
    clear(run, "--key", "k0", "--key", "k2").run()
    assert WORLD.ran == ["first k0", "first k2", "first k0"]
    # The failed key that was not named stays as it was, and needs no retry.
    assert shown(run)["k1"] == ("failed", 2)
    assert run.states("first") == {"k0 … k2 (3)": "failed", "k3 … k4 (2)": "failed"}
    assert "k4" not in run.xcom("keep")
    WORLD.acts = {}
    clear(run, "--state", "failed").run()
    assert sorted(WORLD.ran) == ["first k0", "first k1", "first k4"]
    assert run.xcom("keep") == {f"k{number}": number * 10 for number in range(5)}


def test_after_keys_were_listed_again_a_clear_keeps_only_results_of_the_same_keys():
    run = start_run(only()).run()
    WORLD.order = [4, 1, 0, 2, 3]
    run.clear("produce", downstream=False).run()
    clear(run, "--key", "k4").run()
    # In the place of the first batch are k4, k1 and k0 now. Its result of k0 was stored for another place.
    assert WORLD.ran == ["first k4", "first k0"]
    assert {key: state for key, (state, _) in shown(run).items()} == {
        **dict.fromkeys(["k4", "k1", "k0"], "success"),
        **dict.fromkeys(["k2", "k3"], None),
    }
    # What a clear keeps follows its key if the keys are listed again before the batch starts.
    WORLD.order = [0, 2, 1, 4, 3]
    clear(run, "--key", "k4").clear("produce", downstream=False).run()
    assert WORLD.ran == ["first k2"]
    states = {key: state for key, (state, _) in shown(run).items()}
    assert states == {**dict.fromkeys(["k0", "k2", "k1"], "success"), "k4": None, "k3": None}


def test_results_of_a_batch_that_could_not_start_are_kept_by_the_next_clear():
    WORLD.count = 2
    with DAG("cleared_behind_a_gate", schedule=None) as dag:
        results = produce().map(first, batch=2).map(second, batch=2)
        keep(results.collect(keyed=True, min_success_ratio=0))
    run = start_run(dag).run()
    WORLD.acts = {("first", "k0"): "fail", ("first", "k1"): "fail"}
    run.clear("first", 0, downstream=False).run()
    clear(run, "--key", "k1").run()
    assert (WORLD.ran, run.xcom("keep")) == (["first k1"], {})
    WORLD.acts = {}
    clear(run, "--key", "k1").run()
    assert WORLD.ran == ["first k1", "second k1"]
    assert run.xcom("keep") == {"k0": 1, "k1": 11}


#: State of a batch, the keys that it has stored -> the states of the keys that are kept. k1 is cleared.
KEPT = {
    "partly failed": ("failed", ["k0", "k1", "k2"], {"k0": "success", "k2": "failed"}),
    "killed": ("failed", ["k0"], {"k0": "success", "k2": "failed"}),
    "skipped": ("skipped", [], {"k0": "skipped", "k2": "skipped"}),
    "upstream_failed": ("upstream_failed", [], {"k0": "upstream_failed", "k2": "upstream_failed"}),
    "marked as success": ("success", [], {}),
    # A key whose retry is pending runs too.
    "waits for a retry": ("up_for_retry", ["k0", "k1", "k2"], {"k0": "success"}),
    "runs": ("running", ["k0"], {"k0": "success"}),
    "was cleared as a whole": (None, ["k0", "k1", "k2"], {}),
}


@pytest.fixture(scope="module")
def failed_run(airflow_database, execution_api):
    WORLD.count, WORLD.order, WORLD.ran = 5, None, []
    WORLD.acts = {("first", "k1"): "fail", ("first", "k2"): "fail"}
    return start_run(only()).run()


@pytest.mark.parametrize(("state", "stored", "kept"), KEPT.values(), ids=KEPT.keys())
def test_what_is_kept_of_a_batch_depends_on_its_state(failed_run, state, stored, kept):
    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance, XComModel

    place = {"run_id": failed_run.run_id, "task_id": "first", "map_index": 0}
    with create_session() as session:
        # Loading the Dag commits, so it comes before the changes that are rolled back.
        run = open_run(session, failed_run.dag.dag_id, failed_run.run_id)
        session.query(TaskInstance).filter_by(**place).update({"state": state})
        row = session.query(XComModel).filter_by(**place, key=chunk_xcom(0)).one()
        chunk = StoredChunk.unpack(row.value)
        row.value = StoredChunk(
            tuple(r for r in chunk.records if r.key_path[0] in stored), chunk.attempt
        ).pack()
        session.flush()
        clear_in_database(run, find_keys(run, KeySelection("produce.result", [("k1",)])))
        found = StoredKept.unpack(run.source.pull("produce__batches", kept_xcom("first", 0, 0), -1))
        records = {record.key_path[0]: record for record in found.chunk.records}
        assert {key: record.state for key, record in records.items() if record.is_final} == kept
        assert all("result" in record.values for record in records.values() if record.state == "success")
        assert [record.position for record in records.values()] == [int(key[1]) for key in records]
        session.rollback()


TASKS = ("first", "second", "third", "add")

SHAPES = {
    "chain": lambda batches: produce().map(first, batch=batches[0]).map(second, batch=batches[1]),
    "body": lambda batches: produce().map(lambda number: second(first(number)), batch=batches[0]),
    "zip": lambda batches: zipped(produce(), batches),
}


def zipped(items, batches):
    left = items.map(first, batch=batches[0])
    right = produce.override(task_id="others")().map(second, batch=batches[1])
    return left.zip(right).map(add, batch=batches[0])


@task
def add(left, right):
    act()
    return [left, right]


#: Group of a program -> the sizes of its batches; ``None`` for a task instance for each key.
GROUPS = {"batched": (3, 2), "single": (None, None)}


def program(shape):
    """Build the same tasks with and without batches."""
    with DAG(f"cleared_{shape}", schedule=None) as dag:
        for group, batches in GROUPS.items():
            with TaskGroup(group):
                results = SHAPES[shape](batches)
                keep(results.collect(keyed=True, min_success_ratio=0))
                keep.override(task_id="states")(results.states())
                keep.override(task_id="last")(results.map(third).states())
    return dag


def told(run, group):
    """What ran, and what collectors got."""
    ran = Counter(each.removeprefix(f"{group}.") for each in WORLD.ran if each.startswith(group))
    return ran, *(run.xcom(f"{group}.{each}") for each in ("keep", "states", "last"))


@pytest.mark.parametrize(("shape", "seed"), [("chain", 1), ("body", 2), ("zip", 3)])
def test_a_clear_does_the_same_with_and_without_batches(shape, seed):
    WORLD.count = 4
    choices = ["fail", "fail for good", "skip", None, None, None]
    chosen = random.Random(seed)
    keys = [f"k{number}" for number in range(WORLD.count)]
    run = start_run(program(shape))
    for number in range(3):
        acts = {(task_id, key): chosen.choice(choices) for task_id in TASKS for key in keys}
        WORLD.acts = {
            (f"{group}.{task_id}", key): how for (task_id, key), how in acts.items() for group in GROUPS
        }
        if number:
            wanted = ["--state", "failed"] if number == 2 else ["--key", chosen.choice(keys)]
            for group in GROUPS:
                clear(run, "--of", f"{group}.produce.result", *wanted)
        run.run()
        batched = told(run, "batched")
        assert batched == told(run, "single")
        assert batched[0]


def test_the_page_plans_and_clears_single_keys(failed_run, monkeypatch):
    from airflow_dynamic_provider.ui.routes import clearing
    from tests.api_server import ApiServer

    server, path = ApiServer(), f"/dags/{failed_run.dag.dag_id}/runs/{failed_run.run_id}"
    wanted = {"of": "produce.result", "state": "failed"}
    plan = server.post(f"{path}/clearing", wanted).json()
    labels = {each["label"] for each in plan["task_instances"] if each["task_id"] == "first"}
    assert (labels, plan["refusal"]) == ({"'k1', 'k2' of k0 … k2 (3)"}, None)
    # Airflow's own route would clear the whole batch.
    assert plan["task_ids"] is None
    monkeypatch.setattr(clearing, "_MOST_PARTED", 0)
    assert server.post(f"{path}/clearing", wanted).json()["refusal"] == (
        "1 batches would run some of their keys again, and the server clears at most 0 at once. Clear some "
        "of them, or all of them with `airflow dynamic-outputs clear` and without --url."
    )
    monkeypatch.undo()
    cleared = server.post(f"{path}/clear", {**wanted, "confirmed": plan["total"]})
    assert cleared.json() == {"total": plan["total"]}
    failed_run.run()
    assert WORLD.ran == ["first k1", "first k2"]
