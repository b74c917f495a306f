"""Pages and commands show the keys of batched tasks, and never take a batch for a key."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import Batch, DynamicOut, DynamicOutput, add_output_metadata
from airflow_dynamic_provider.database import export, history, runs, totals
from airflow_dynamic_provider.database import numbers as numbers_of_runs
from airflow_dynamic_provider.database.batches import BatchedKeys
from airflow_dynamic_provider.database.cells import Cell
from airflow_dynamic_provider.database.downstream import ALL, find_downstream
from airflow_dynamic_provider.database.failure_groups import group_keys
from airflow_dynamic_provider.database.history import History
from airflow_dynamic_provider.database.key_clearing import find_listing
from airflow_dynamic_provider.database.keys import read_keys
from airflow_dynamic_provider.database.matrix import Matrix, Query
from airflow_dynamic_provider.database.numbers import read_numbers
from airflow_dynamic_provider.database.runs import RunSource, open_run
from airflow_dynamic_provider.definitions.states import FINAL
from airflow_dynamic_provider.execution.batch_records.stored import StoredChunk, chunk_xcom
from airflow_dynamic_provider.execution.batches import recording
from airflow_dynamic_provider.version_compat import AirflowSkipException
from tests.dag.tasks import keep, pair
from tests.dag.workflow_clears import execute
from tests.dag_runs import start_run

pytestmark = pytest.mark.dag

#: ``acts`` is key -> what happens to it in a batch.
WORLD = SimpleNamespace(acts={}, keys=[])


@pytest.fixture(autouse=True)
def _world():
    WORLD.acts, WORLD.keys = {}, range(5)


@task.dynamic(out=DynamicOut(int))
def numbers():
    for number in WORLD.keys:
        yield DynamicOutput(number, f"k{number}", metadata={"number": number})


@task
def work(number, mapping_key=None):
    add_output_metadata({"worked": number})
    match WORLD.acts.get(mapping_key):
        case "fail":
            raise ValueError(f"{mapping_key} is bad")
        case "skip":
            raise AirflowSkipException(f"{mapping_key} is not wanted")
    return number


@task
def alone(number):
    return number


@dag(schedule=None)
def only_batches():
    worked = numbers().map(work, batch=3)
    keep(worked.collect(min_success_ratio=0))


@dag(schedule=None)
def mixed():
    produced = numbers()
    produced.map(work, batch=3).map(alone)
    produced.map(
        lambda number: work.override(task_id="more")(alone.override(task_id="before")(number)), batch=2
    )
    produced.map(alone.override(task_id="beside"))


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    WORLD.acts, WORLD.keys = {"k1": "fail"}, range(5)
    return start_run(only_batches()).run()


@pytest.fixture(scope="module")
def mixed_run(airflow_database, execution_api):
    WORLD.acts, WORLD.keys = {"k1": "fail", "k2": "skip"}, range(5)
    return start_run(mixed()).run()


@pytest.fixture
def opened(airflow_database):
    from airflow.utils.session import create_session

    with create_session() as session:
        yield lambda run: open_run(session, run.dag.dag_id, run.run_id)


@pytest.fixture
def read(capsys):
    """Execute a command, and read the JSON that it writes."""

    def execute_and_load(run, name, *arguments):
        capsys.readouterr()
        form = () if name == "export" else ("--output", "json")
        execute([name, run.dag.dag_id, run.run_id, *arguments, *form])
        return json.loads(capsys.readouterr().out)

    return execute_and_load


def test_the_stored_dag_tells_which_tasks_run_in_batches(mixed_run, opened):
    info = opened(mixed_run).space("numbers.result")
    facts = {task_id: (each.lister_id, each.gate_id) for task_id, each in info.batched.items()}
    first, second = sorted({lister for lister, _ in facts.values()})
    assert facts["work"] == (first, None)
    assert facts["before"] == (second, None)
    assert facts["more"][0] == second
    assert not {"alone", "beside"} & facts.keys()


def test_a_clear_of_failed_keys_finds_none_if_no_batch_failed(airflow_database, execution_api, capsys):
    WORLD.acts = {}
    well = start_run(only_batches()).run()
    capsys.readouterr()
    execute(["clear", well.dag.dag_id, well.run_id, "--state", "failed"])
    assert capsys.readouterr().err == "No key failed: there is nothing to run again.\n"


def test_a_clear_of_all_keys_clears_all_batches(run, opened):
    to_clear = find_listing(opened(run), "numbers.result")
    cleared = {(each.task_id, each.map_index) for each in to_clear.first()}
    assert {("work", 0), ("work", 1), ("numbers", -1), ("keep", -1)} <= cleared
    # A batch is named by its own label, and not by the key at its position.
    labels = {to_clear.label(each) for each in to_clear.first() if each.task_id == "work"}
    assert labels == {"k0 … k2 (3)", "k3 … k4 (2)"}


def test_what_depends_on_keys_of_batches_is_found_by_key(mixed_run, opened):
    run = opened(mixed_run)
    paths = [(f"k{number}",) for number in range(5)]
    found = find_downstream(run.structure, {"work": {1}}, lambda info: paths)
    assert (found["work"], found["alone"]) == ({1}, {1})
    assert find_downstream(run.structure, {"work": ALL}, lambda info: paths)["alone"] is ALL


def test_a_batch_has_no_key_of_its_own(run):
    from tests.api_server import ApiServer

    path = f"/dags/{run.dag.dag_id}/runs/{run.run_id}/task-instances/work/1"
    found = ApiServer().get(path).json()
    assert (found["key"], found["is_stale"], found["state"]) == (None, False, "success")


WORK = {"k0": "success", "k1": "failed", "k2": "success", "k3": "success", "k4": "success"}


def shown_in(matrix, task_id):
    """Key -> state in the rows of a page, for one task."""
    rows = matrix.page(Query(limit=100)).rows
    return {row.key_path[0]: None if (cell := row.cells[task_id]) is None else cell.state for row in rows}


def matrix_of(opened, run):
    of_run = opened(run)
    return Matrix(of_run.source, of_run.space("numbers.result"))


def test_list_counts_keys_and_not_batches(run, read):
    (listed,) = read(run, "list")["outputs"]
    assert (listed["keys"], listed["counts"]) == (5, {"failed": 1, "success": 4})


def test_show_has_what_became_of_the_key(run, read):
    shown = read(run, "show", "k1")
    (instance,) = shown["task_instances"]
    # The map index is that of the batch, whose log has the key.
    assert (instance["task_id"], instance["map_index"], instance["state"]) == ("work", 0, "failed")
    assert instance["error"] == "ValueError: k1 is bad"
    assert instance["try_number"] == 1
    assert instance["start_date"] <= instance["end_date"]
    assert instance["metadata"] == {"result": {"worked": {"type": "int", "value": 1}}}
    assert 0 <= instance["duration"] < run.instances("work")[0].duration + 1
    (last,) = read(run, "show", "k4")["task_instances"]
    assert (last["map_index"], last["state"], last["error"]) == (1, "success", None)


def test_the_page_has_a_cell_for_each_key(run, opened):
    assert shown_in(matrix_of(opened, run), "work") == WORK


@pytest.mark.parametrize("sort", ["position", "state", "duration", "key"])
def test_pages_sort_filter_and_search_keys_of_batches(run, opened, sort):
    matrix = matrix_of(opened, run)
    failed = matrix.page(Query(states={"failed"}, sort=sort))
    assert [(row.key_path, row.state) for row in failed.rows] == [(("k1",), "failed")]
    assert (failed.total, failed.counts) == (1, {"failed": 1, "success": 4})
    found = matrix.page(Query(search="K3", sort=sort))
    assert [row.key_path for row in found.rows] == [("k3",)]
    assert len(matrix.page(Query(sort=sort)).rows) == 5
    assert matrix.page(Query(sort="state")).rows[0].key_path == ("k1",)


def test_export_has_a_line_for_each_key(run, read):
    (space,) = read(run, "export", "--format", "json", "--what", "states")["outputs"]
    assert {key["key"]: key["tasks"][0]["state"] for key in space["keys"]} == WORK
    assert [key["tasks"][0]["map_index"] for key in space["keys"]] == [0, 0, 0, 1, 1]
    (space,) = read(run, "export", "--format", "json", "--what", "metadata")["outputs"]
    for number, key in enumerate(space["keys"]):
        assert key["tasks"][0]["outputs"]["result"]["worked"]["value"] == number


def test_history_and_numbers_are_those_of_the_keys(run, opened):
    of_run = opened(run)
    history = History(of_run.session, of_run.dag_id, "numbers.result", 10)
    (cells,) = history.states([("k1",)], "work")
    by_run = dict(zip([each.dag_run.run_id for each in history.runs], cells, strict=True))
    assert (by_run[run.run_id].state, by_run[run.run_id].instance.map_index) == ("failed", 0)
    found = {
        (each.label, each.task_id): each.series for each in read_numbers(history, [("k4",), ("k1",)]).numbers
    }
    assert found["worked", "work"] == {"k4": [4.0] * len(by_run), "k1": [1.0] * len(by_run)}


def test_tasks_with_and_without_batches_are_shown_side_by_side(mixed_run, opened, read):
    matrix = matrix_of(opened, mixed_run)
    everywhere = dict.fromkeys(WORK, "success")
    stopped = {"k1": "upstream_failed", "k2": "skipped"}
    assert shown_in(matrix, "work") == everywhere | {"k1": "failed", "k2": "skipped"}
    assert shown_in(matrix, "more") == everywhere | {"k1": "failed", "k2": "skipped"}
    assert shown_in(matrix, "before") == shown_in(matrix, "beside") == everywhere
    assert shown_in(matrix, "alone") == everywhere | stopped
    assert matrix.counts == {"failed": 1, "skipped": 1, "success": 3}
    by_task = {each["task_id"]: each for each in read(mixed_run, "show", "k3")["task_instances"]}
    indexes = {task_id: each["map_index"] for task_id, each in by_task.items()}
    assert indexes == {"work": 1, "more": 1, "before": 1, "alone": 3, "beside": 3}
    skipped = {each["task_id"]: each["reason"] for each in read(mixed_run, "show", "k2")["task_instances"]}
    assert skipped["work"] == "k2 is not wanted"


def test_keys_that_a_gate_stopped_are_shown(airflow_database, execution_api, opened):
    WORLD.acts = {"k0": "fail", "k1": "fail", "k2": "skip", "k3": "skip"}

    @dag(schedule=None)
    def stopped():
        numbers().map(work, batch=2).map(work.override(task_id="more"), batch=2)

    run = start_run(stopped()).run()
    assert list(run.states("more").values()) == ["upstream_failed", "skipped", "success"]
    expected = {
        "k0": "upstream_failed",
        "k1": "upstream_failed",
        "k2": "skipped",
        "k3": "skipped",
        "k4": "success",
    }
    matrix = matrix_of(opened, run)
    assert shown_in(matrix, "more") == expected
    cells = matrix.cells.at([0, 4])
    assert (cells[0]["more"].reason, cells[0]["more"].instance.map_index) == (
        "'work' is failed for this key",
        0,
    )


def test_keys_of_a_batch_that_failed_before_any_of_them_ran_show_its_error(
    airflow_database, execution_api, opened
):
    def no_cluster():
        raise ConnectionError("no cluster answers")

    @dag(schedule=None)
    def unreachable():
        numbers().map(work, batch=Batch(3, runner=no_cluster))

    run = start_run(unreachable()).run()
    cells = matrix_of(opened, run).cells.at([0, 4])
    error = "ConnectionError: no cluster answers"
    assert [cells[at]["work"].error for at in (0, 4)] == [error, error]
    (group,) = group_keys(matrix_of(opened, run)).groups
    assert (group.error, group.positions) == (error, [0, 1, 2, 3, 4])


def test_keys_of_a_batch_whose_gate_failed_itself_show_why(airflow_database, execution_api, opened):
    @task.dynamic(out=DynamicOut(int))
    def below(number):
        yield DynamicOutput(number, f"below{number}")

    @task.dynamic(out=DynamicOut(int))
    def others(number):
        yield DynamicOutput(number, "another")

    @dag(schedule=None)
    def unequal():
        numbered = numbers()
        left, right = numbered.map(lambda number: (below(number), others(number)))

        def each(number):
            paired = left.zip(right, how="strict").map(pair)
            return keep(paired.collect())

        numbered.map(each, batch=3)

    run = start_run(unequal()).run()
    cells = matrix_of(opened, run).cells.at([0, 4])
    for at in (0, 4):
        assert cells[at]["keep"].state == "upstream_failed"
        assert cells[at]["keep"].reason.startswith(
            "because 'keep__gate' failed: AirflowFailException: Task 'below_zip_others__keys': is failed"
        )


@pytest.fixture
def changed(airflow_database, execution_api, opened):
    """A run whose tables a test may change: set the state of a batch, and what it has stored of its keys."""
    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance, XComModel

    WORLD.acts = {"k1": "fail"}
    run = start_run(only_batches()).run()
    of_run = opened(run)

    def change(state, kept=None):
        own = {"run_id": run.run_id, "task_id": "work", "map_index": 0}
        of_run.session.query(TaskInstance).filter_by(**own).update({"state": state})
        row = of_run.session.query(XComModel).filter_by(**own, key=chunk_xcom(0)).one()
        chunk = StoredChunk.unpack(row.value)
        if kept is not None:
            records = tuple(each for each in chunk.records if each.key_path[0] in kept)
            row.value = StoredChunk(records, chunk.attempt).pack()
        of_run.session.flush()
        states = shown_in(Matrix(of_run.source, of_run.space("numbers.result")), "work")
        return [states[key] for key in ("k0", "k1", "k2")]

    def update(task_id, **values):
        found = of_run.session.query(TaskInstance).filter_by(run_id=run.run_id, task_id=task_id)
        assert found.update(values) == 1

    change.update = update
    change.matrix = lambda: Matrix(of_run.source, of_run.space("numbers.result"))
    yield change
    of_run.session.rollback()


def test_a_cleared_batch_shows_nothing_of_its_former_run(changed):
    assert changed(None) == [None] * 3
    assert changed("queued") == ["queued"] * 3


def test_while_a_batch_runs_the_keys_that_have_ended_are_shown(changed):
    assert changed("up_for_retry") == ["success", "up_for_retry", "success"]
    assert changed("running", ["k2"]) == ["running", "running", "success"]


def test_keys_of_a_batch_that_was_killed_are_failed_unless_they_had_ended(changed):
    assert changed("failed", ["k0"]) == ["success", "failed", "failed"]


def test_keys_that_were_listed_in_a_second_try_are_not_those_of_a_former_list(changed):
    changed.update("numbers", try_number=2)
    assert changed("failed", ["k0"]) == ["success", "failed", "failed"]
    # The batches have stored that they ran for the first division.
    changed.update("numbers__batches", try_number=2)
    assert changed("failed", ["k0"]) == ["success", None, None]


def test_a_batch_that_was_marked_as_success_has_no_failed_keys(changed):
    assert changed("success") == ["success"] * 3


def test_keys_are_those_of_now_after_they_were_listed_again(airflow_database, execution_api, opened):
    run = start_run(only_batches()).run()
    WORLD.keys = [4, 1, 0, 2, 3]
    run.clear("numbers", downstream=False).run()
    matrix = matrix_of(opened, run)
    # Only k1 is where it was. The batches ran for other keys at the other positions.
    assert shown_in(matrix, "work") == {"k4": None, "k1": "success", "k0": None, "k2": None, "k3": None}
    assert matrix.counts == {"none": 4, "success": 1}
    assert matrix.totals.has_stale
    run.clear("numbers").run()
    matrix = matrix_of(opened, run)
    assert shown_in(matrix, "work") == dict.fromkeys(WORK, "success")
    assert not matrix.totals.has_stale


@pytest.fixture
def batches_read(monkeypatch):
    """The numbers of the batches of which a chunk was read."""
    read = []

    def pull_parts(self, *arguments):
        found = original(self, *arguments)
        read.extend(map_index for _, map_index, _ in found)
        return found

    original = RunSource.pull_parts
    monkeypatch.setattr(RunSource, "pull_parts", pull_parts)
    return read


def test_only_the_batches_of_the_keys_on_a_page_are_read(run, opened, batches_read):
    matrix_of(opened, run).rows([3])
    assert batches_read == [1]


@pytest.mark.parametrize("what", ["states", "metadata"])
def test_an_export_reads_each_batch_once(run, read, batches_read, monkeypatch, what):
    monkeypatch.setattr(export, "_AT_ONCE", 1)
    (space,) = read(run, "export", "--what", what)["outputs"]
    assert [key["key"] for key in space["keys"]] == list(WORK)
    assert batches_read == [0, 1]


def test_a_batch_that_changes_during_an_export_is_read_again(changed):
    matrix = changed.matrix()

    def states():
        return [row.cells["work"].state for position in range(3) for row in matrix.rows([position])]

    assert states() == ["success", "failed", "success"]
    changed("running", ["k2"])
    assert states() == ["running", "running", "success"]
    changed("failed", ["k2"])
    assert states() == ["failed", "failed", "success"]


def test_history_and_numbers_read_some_chunks_at_most_and_say_so(run, monkeypatch):
    from tests.api_server import ApiServer

    def get(name):
        found = ApiServer().get(f"/dags/{run.dag.dag_id}/{name}", of="numbers.result", runs=1).json()
        return found, found["message"]

    assert (get("history")[1], get("numbers")[1]) == (None, None)
    for module in (history, numbers_of_runs):
        monkeypatch.setattr(module, "MOST_CHUNKS", 1)
    past, message = get("history")
    assert message == (
        "What batches stored about the keys is in more than 5000 parts. The keys in the other parts have the "
        "state of their batch."
    )
    assert [key["states"][0]["state"] for key in past["rows"]] == list(WORK.values())
    ranges, message = get("numbers")
    assert message == (
        "What batches stored about the keys is in more than 1 parts. The metadata of the keys in the other "
        "parts is left out."
    )
    (worked,) = [each for each in ranges["labels"] if each["label"] == "worked"]
    # The second batch, with k3 and k4, is left out.
    assert {line["name"]: line["values"] for line in worked["series"]}["maximum"] == [2]


def test_sums_read_some_chunks_at_most_and_say_so(run, opened, monkeypatch):
    matrix = matrix_of(opened, run)
    assert matrix.page(Query()).message is None
    monkeypatch.setattr(totals, "MOST_CHUNKS", 1)
    matrix = matrix_of(opened, run)
    page = matrix.page(Query())
    assert "in more than 1 parts" in page.message
    # The first batch is read. The keys of the other have the state of their batch.
    assert page.counts == {"failed": 1, "success": 4}
    monkeypatch.setattr(totals, "MOST_CHUNKS", 0)
    assert matrix_of(opened, run).counts == {"failed": 3, "success": 2}
    assert shown_in(matrix, "work") == WORK


def test_chunks_that_an_xcom_backend_keeps_elsewhere_are_loaded(run, opened, monkeypatch):
    from airflow_dynamic_provider.airflow_adapter.models import XComModel

    of_run = opened(run)
    elsewhere = {}
    for row in of_run.session.query(XComModel).filter_by(
        run_id=run.run_id, task_id="work", key=chunk_xcom(0)
    ):
        elsewhere[f"ref {row.map_index}"] = row.value
        row.value = f"ref {row.map_index}"
    of_run.session.flush()
    monkeypatch.setattr(runs, "loads_json_only", lambda: False)
    monkeypatch.setattr(
        runs,
        "load",
        lambda row: elsewhere.get(row.value, row.value) if isinstance(row.value, str) else row.value,
    )
    assert shown_in(Matrix(of_run.source, of_run.space("numbers.result")), "work") == WORK
    of_run.session.rollback()


@pytest.mark.parametrize("seed", range(4))
def test_the_page_shows_what_a_collector_of_states_gets(airflow_database, execution_api, opened, seed):
    chosen = random.Random(seed)
    WORLD.keys = range(7)
    WORLD.acts = {f"k{number}": chosen.choice(["fail", "skip", None, None]) for number in WORLD.keys}

    @task.dynamic(out=DynamicOut(int))
    def others():
        for number in (6, 2, 0, 9):
            yield DynamicOutput(number, f"k{number}")

    @dag(schedule=None)
    def arranged():
        produced = numbers()
        first = produced.map(work.override(task_id="first"), batch=chosen.choice([1, 2, 3]))
        second = first.map(work.override(task_id="second"), batch=chosen.choice([2, 3, 9]))
        third = second.map(alone.override(task_id="third"))
        fourth = third.map(alone.override(task_id="fourth"), batch=2)
        joined = first.zip(others(), how="inner").map(pair.override(task_id="joined"), batch=2)
        handles = {"first": first, "second": second, "third": third, "fourth": fourth, "joined": joined}
        for name, each in handles.items():
            keep.override(task_id=f"states_{name}")(each.states())

    run = start_run(arranged()).run()
    of_run = opened(run)
    for info in of_run.structure.spaces.values():
        matrix = Matrix(of_run.source, info)
        for task_id in info.task_ids:
            assert shown_in(matrix, task_id) == run.xcom(f"states_{task_id}"), task_id
            totals_of = totals.Totals(of_run.source, info, matrix.keys, [task_id])
            counts = Counter(run.xcom(f"states_{task_id}").values())
            assert totals_of.of(range(len(matrix.keys.paths))).counts == counts


@pytest.mark.parametrize("state", [*sorted(FINAL), "running", "up_for_retry", "queued", None])
def test_the_states_of_all_keys_are_those_of_each_key(mixed_run, opened, monkeypatch, state):
    of_run = opened(mixed_run)
    info = of_run.space("numbers.result")
    keys = read_keys(of_run.source, info)
    batched_ids = [task_id for task_id in info.task_ids if task_id in info.batched]
    for listed in (keys, replace(keys, paths=(("other",), *keys.paths[1:]))):
        batched = BatchedKeys(of_run.source, info, listed, batched_ids)
        snapshot = batched.look(range(5))
        # One batch of each task is in the state, and the other ones are as they ended.
        instances = {
            at: replace(each, state=state) if at[0] in batched_ids and at[1] == 0 else each
            for at, each in snapshot.instances.items()
        }
        changed = replace(snapshot, instances=instances)
        monkeypatch.setattr(batched, "look", lambda _, changed=changed: changed)
        keys_found, _ = batched.at(range(5), states_only=True)
        cells = {at: key and Cell(key.instance, key.is_stale, key.record) for at, key in keys_found.items()}
        found, _ = batched.states(range(5))
        states = {
            (task_id, at): (key.state, key.seconds, key.is_stale)
            for task_id, by_key in found.items()
            for at, key in by_key.items()
        }
        assert states == {
            at: (cell.state, cell.seconds, cell.is_stale) for at, cell in cells.items() if cell is not None
        }


def test_a_batch_of_several_chunks_is_read_whole_or_not_at_all(
    airflow_database, execution_api, opened, monkeypatch
):
    monkeypatch.setattr(recording, "CHUNK_BYTES", 1)
    run = start_run(only_batches()).run()
    assert run.xcom("work", chunk_xcom(2), 0) is not None
    everything = dict.fromkeys(WORK, "success")
    assert shown_in(matrix_of(opened, run), "work") == everything
    for most in (1, 2, 4):
        monkeypatch.setattr(totals, "MOST_CHUNKS", most)
        assert matrix_of(opened, run).counts == {"success": 5}


def test_the_routes_answer_with_keys(run, monkeypatch):
    from airflow_dynamic_provider.ui import presenting
    from tests.api_server import ApiServer

    server, path = ApiServer(), f"/dags/{run.dag.dag_id}/runs/{run.run_id}"
    (space,) = server.get(f"{path}/outputs").json()["spaces"]
    assert (space["counts"], space["has_stale"]) == ({"failed": 1, "success": 4}, False)
    assert [column["task_id"] for column in space["columns"]] == ["work"]
    page = server.get(f"{path}/keys", of="numbers.result", state="failed").json()
    (row,) = page["rows"]
    cell = row["cells"]["work"]
    assert (row["key"], row["position"], row["state"]) == ("k1", 1, "failed")
    assert (cell["map_index"], cell["error"], cell["reason"]) == (0, "ValueError: k1 is bad", None)
    assert row["duration"] == cell["duration"]
    monkeypatch.setattr(presenting, "LONGEST_ERROR", 10)
    page = server.get(f"{path}/keys", of="numbers.result", state="failed").json()
    assert page["rows"][0]["cells"]["work"]["error"] == "ValueError"
