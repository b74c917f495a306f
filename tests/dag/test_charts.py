"""What the timeline and the charts of a run show: times and numbers of each key, also of keys in batches."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, add_output_metadata
from airflow_dynamic_provider.database import run_numbers, timeline
from airflow_dynamic_provider.database.key_clearing import KeySelection, find_keys
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.runs import open_run
from tests.api_server import ApiServer
from tests.dag_runs import start_run

pytestmark = pytest.mark.dag

KEYS = ["k0", "k1", "k2", "k3"]


@task.dynamic(out=DynamicOut(int))
def numbers():
    for number, key in enumerate(KEYS):
        yield DynamicOutput(number, key, metadata={"size": number * 10})


@task
def weigh(number):
    if number == 1:
        raise ValueError("too heavy")
    add_output_metadata({"weight": number / 4, "name": "not a number"})
    return number


@task
def ship(number):
    return number


@dag(schedule=None)
def shipped():
    numbers().map(weigh, batch=2).map(ship)


@pytest.fixture(scope="module")
def runs(airflow_database, execution_api):
    """Two runs: what is asked about the second one is compared with the first one."""
    return [start_run(shipped()).run() for _ in range(2)]


@pytest.fixture
def matrix(runs):
    from airflow.utils.session import create_session

    with create_session() as session:
        run = open_run(session, runs[1].dag.dag_id, runs[1].run_id)
        yield Matrix(run.source, run.space("numbers.result"))


@pytest.fixture(scope="module")
def ask(runs):
    server = ApiServer()

    def ask(what, **query):
        path = f"/dags/{runs[1].dag.dag_id}/runs/{runs[1].run_id}/{what}"
        answer = server.get(path, of="numbers.result", **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return ask


def test_the_timeline_has_the_times_of_each_key_in_each_task(runs, ask):
    found = ask("timeline")
    assert (found["keys"], found["is_running"]) == ([[key] for key in KEYS], False)
    weighed, shipped = found["tasks"]
    assert [weighed["task_id"], shipped["task_id"]] == ["weigh", "ship"]
    assert (weighed["rows"], weighed["states"]) == ([0, 1, 2, 3], ["success", "failed", "success", "success"])
    assert weighed["map_indexes"] == [0, 0, 1, 1]
    # A task that could not run because of another one has no time.
    assert (shipped["rows"], shipped["map_indexes"]) == ([0, 2, 3], [0, 2, 3])
    instances = runs[1].instances("ship")
    assert shipped["starts"] == pytest.approx([instances[at].start_date.timestamp() for at in (0, 2, 3)])
    assert shipped["seconds"] == pytest.approx([instances[at].duration for at in (0, 2, 3)])
    batches = runs[1].instances("weigh")
    for row, batch, start, seconds in zip(
        *(weighed[name] for name in ("rows", "map_indexes", "starts", "seconds")), strict=True
    ):
        assert seconds is not None, row
        assert batches[batch].start_date.timestamp() - 0.01 <= start
        assert start + seconds <= batches[batch].end_date.timestamp() + 0.01
    assert ask("timeline", state="failed")["keys"] == [["k1"]]
    assert ask("timeline", match="k[23]")["keys"] == [["k2"], ["k3"]]


def test_a_task_instance_that_was_cleared_has_no_time(matrix):
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import update

    session = matrix.source.session
    at = (TaskInstance.run_id == matrix.source.run_id, TaskInstance.task_id == "ship")
    session.execute(update(TaskInstance).where(*at, TaskInstance.map_index == 0).values(state=None))
    found = timeline.read_timeline(matrix, range(4))
    assert [bar.row for bar in found.bars["ship"]] == [2, 3]
    # Airflow keeps the duration of the last try until the next one has ended.
    (row,) = matrix.rows([0])
    ship = row.cells["ship"]
    assert (ship.state, ship.seconds, ship.instance.duration) == (None, None, None)
    assert row.duration == row.cells["weigh"].seconds
    assert matrix.totals.of([0]).seconds == pytest.approx(row.duration)
    session.rollback()


def test_a_clear_lists_what_failed_first_and_says_how_many_keys_succeeded(runs):
    from airflow.utils.session import create_session

    with create_session() as session:
        run = open_run(session, runs[1].dag.dag_id, runs[1].run_id)
        found = find_keys(run, KeySelection("numbers.result", [("k0",), ("k1",)]))
        assert found.warning.startswith("Keys that have succeeded run again: 1 of 2")
        listed = [each.task_id for each in found.first()]
        assert found.first(2) == found.first()[:2]
    assert listed[0] == "weigh"
    assert listed.index("ship") > listed.index("weigh")


def test_of_too_many_keys_the_first_are_shown_and_a_message_says_so(matrix, monkeypatch):
    monkeypatch.setattr(timeline, "MOST_BARS", 6)
    found = timeline.read_timeline(matrix, range(4))
    assert [path for (path,) in found.paths] == ["k0", "k1", "k2"]
    assert found.message == "Only the first 3 of 4 keys are shown. Search or filter for others."
    monkeypatch.setattr(run_numbers, "most_read", lambda: 6)
    numbers = run_numbers.read_run_numbers(matrix, range(4))
    assert [path for (path,) in numbers.paths] == ["k0", "k1"]
    assert numbers.message == "Only the first 2 of 4 keys are read."


def test_the_durations_of_a_key_are_compared_with_those_of_the_runs_before(runs, ask):
    found = ask("past-durations", key=['["k2"]', '["gone"]'])
    assert [run["run_id"] for run in found["runs"]] == [runs[0].run_id]
    assert [row["key_path"] for row in found["rows"]] == [["k2"], ["gone"]]
    (seconds,), gone = (row["seconds"] for row in found["rows"])
    assert seconds >= runs[0].instances("ship")[2].duration
    assert gone == [None]


def test_charts_have_the_numbers_of_keys_and_of_their_tasks(ask):
    found = ask("numbers")
    values = {(each["label"], each["task_id"]): each["values"] for each in found["numbers"]}
    assert found["keys"] == [[key] for key in KEYS]
    assert values == {("size", "numbers"): [0, 10, 20, 30], ("weight", "weigh"): [0, None, 0.5, 0.75]}
    found = ask("numbers", search="K3")
    assert [each["values"] for each in found["numbers"]] == [[30], [0.75]]
