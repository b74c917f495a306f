"""What an answer of the pages reads does not grow with the keys of a run, except the list of the keys."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut
from airflow_dynamic_provider.database import history, numbers, staleness
from airflow_dynamic_provider.database.keys import read_keys
from airflow_dynamic_provider.database.matrix import Matrix, Query
from airflow_dynamic_provider.database.runs import open_run
from tests.api_server import ApiServer
from tests.dag_runs import register
from tests.large_run import write_large_run, write_metadata

TASKS = ("first", "second", "third")
OF = "customers.result"

#: Both are larger than a page, and have one failed key.
FEW, MANY = 200, 800


@task.dynamic(out=DynamicOut(str))
def customers():
    return []


@task
def work(value):
    return value


def each(value):
    for name in TASKS:
        value = work.override(task_id=name)(value)


@pytest.fixture(scope="module")
def server(airflow_database):
    """A server with a small and a large run, each of a Dag of its own."""
    from airflow.utils.session import create_session

    for count in (FEW, MANY):
        dag_id = f"of_{count}"
        register(dag(dag_id=dag_id, schedule=None)(lambda: customers().map(each))())
        with create_session() as session:
            write_large_run(session, dag_id, "customers", TASKS, count)
            write_metadata(session, dag_id, "customers", TASKS, count)
    return ApiServer()


@contextmanager
def counting():
    """Count the queries, and the rows that the database sends."""
    from airflow.settings import engine
    from sqlalchemy import event

    counts = Counter()

    def begin(connection, cursor, *others):
        def count(cursor, row):
            counts["rows"] += 1
            return row

        counts["queries"] += 1
        cursor.row_factory = count

    event.listen(engine, "before_cursor_execute", begin)
    try:
        yield counts
    finally:
        event.remove(engine, "before_cursor_execute", begin)


RUN = "/dags/{dag_id}/runs/large"
ONE = json.dumps(["customer_00007"])
ASKED = {
    "matrix": (f"{RUN}/keys", {}),
    "a later page": (f"{RUN}/keys", {"offset": 100}),
    "by key": (f"{RUN}/keys", {"sort": "key", "descending": True}),
    "by state": (f"{RUN}/keys", {"sort": "state"}),
    "by duration": (f"{RUN}/keys", {"sort": "duration", "descending": True}),
    "search": (f"{RUN}/keys", {"search": "customer_0000"}),
    "search of all": (f"{RUN}/keys", {"search": "customer"}),
    "failed": (f"{RUN}/keys", {"state": "failed"}),
    "succeeded by duration": (f"{RUN}/keys", {"state": "success", "sort": "duration"}),
    "outputs": (f"{RUN}/outputs", {}),
    "metadata": (f"{RUN}/keys-metadata", {}),
    "metadata of a key": (f"{RUN}/keys-metadata", {"key": ONE, "limit": 1}),
    "task instance": (f"{RUN}/task-instances/second/7", {}),
    "history": ("/dags/{dag_id}/history", {}),
    "numbers": ("/dags/{dag_id}/numbers", {}),
    "numbers of a key": ("/dags/{dag_id}/numbers", {"key": ONE}),
}
CLEARED = {
    "a key": {"keys": [["customer_00007"]]},
    "all failed": {"state": "failed"},
    "the list": {"lister": True},
}


def read_by(server, count, ask):
    """Return the queries and rows of an answer for a run of some keys, and the answer."""
    ask(f"of_{count}")
    with counting() as counts:
        answer = ask(f"of_{count}")
    assert answer.status_code == 200, answer.text
    return dict(counts), answer.json()


@pytest.mark.parametrize("name", ASKED)
def test_an_answer_reads_as_much_for_many_keys_as_for_few(server, monkeypatch, name):
    # In the small run, too, not all keys are read.
    monkeypatch.setattr(numbers, "MAX_READ", 300)
    path, parameters = ASKED[name]

    def ask(dag_id):
        return server.get(path.format(dag_id=dag_id), of=OF, **parameters)

    few, _ = read_by(server, FEW, ask)
    many, _ = read_by(server, MANY, ask)
    assert few["rows"] > 0
    assert few == many


@pytest.mark.parametrize("name", ["by state", "by duration", "failed", "succeeded by duration"])
def test_one_query_sums_up_all_keys_and_finds_the_first(server, name):
    from airflow.settings import engine
    from sqlalchemy import event

    statements = []

    def note(connection, cursor, statement, *others):
        statements.append(statement)

    path, parameters = ASKED[name]
    event.listen(engine, "before_cursor_execute", note)
    try:
        answer = server.get(path.format(dag_id=f"of_{FEW}"), of=OF, **parameters)
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert answer.status_code == 200, answer.text
    assert sum("GROUP BY task_instance.map_index" in statement for statement in statements) == 1


@pytest.mark.parametrize("name", CLEARED)
def test_what_would_run_again_is_counted_and_not_read(server, name):
    def ask(dag_id):
        return server.post(f"{RUN}/clearing".format(dag_id=dag_id), {"of": OF, **CLEARED[name]})

    few, answer = read_by(server, FEW, ask)
    many, answer_of_many = read_by(server, MANY, ask)
    assert few == many
    counts = {"a key": (3, 3), "all failed": (3, 3), "the list": (1 + 3 * FEW, 1 + 3 * MANY)}
    assert (answer["total"], answer_of_many["total"]) == counts[name]
    assert len(answer_of_many["task_instances"]) == min(200, answer_of_many["total"])


def test_too_many_markers_are_left_out_and_the_answer_says_so(server, monkeypatch):
    from airflow_dynamic_provider.ui.routes import clearing

    monkeypatch.setattr(clearing, "_MARKERS", 5)
    path = f"/dags/of_{FEW}/runs/large/clearing"
    keys = [["customer_00001"], ["customer_00002"]]
    assert len(server.post(path, {"of": OF, "keys": keys[:1]}).json()["task_ids"]) == 3
    answer = server.post(path, {"of": OF, "keys": keys}).json()
    assert (answer["task_ids"], answer["total"]) == (None, 6)
    # One for each task.
    assert len(server.post(path, {"of": OF, "lister": True}).json()["task_ids"]) == 4


def test_more_than_a_request_can_clear_is_refused_before_and_then(server, monkeypatch):
    from airflow_dynamic_provider.ui.routes import clearing

    monkeypatch.setattr(clearing, "_MOST_CLEARED", 5)
    path, wanted = f"/dags/of_{FEW}/runs/large", {"of": OF, "lister": True}
    refusal = server.post(f"{path}/clearing", wanted).json()["refusal"]
    assert refusal.startswith("601 task instances would run again, and the server clears at most 5 at once.")
    answer = server.post(f"{path}/clear", {**wanted, "confirmed": 601})
    assert (answer.status_code, answer.json()["detail"]) == (422, refusal)


def test_numbers_of_many_keys_are_those_of_some_and_the_answer_says_so(server, monkeypatch):
    path = f"/dags/of_{MANY}/numbers"
    whole = server.get(path, of=OF).json()
    assert whole["message"] is None
    monkeypatch.setattr(numbers, "MAX_READ", 4 * 128)
    cut = server.get(path, of=OF).json()
    assert cut["message"] == (
        f"Only 128 of {MANY} keys of a run are read because there are many. "
        "The minimum and the maximum of all keys may be others."
    )

    def lines(answer, place):
        (found,) = [each for each in answer["labels"] if each["task_id"] == place]
        return {series["name"]: series["values"] for series in found["series"]}

    assert lines(whole, "first")["maximum"] == [MANY - 1.0]
    # Two pages: the first, and the one in the middle.
    assert lines(cut, "first") == {"minimum": [0.0], "median": [223.5], "maximum": [447.0]}
    some = server.get(path, of=OF, key=ONE).json()
    assert (some["message"], lines(some, "first")) == (None, {"customer_00007": [7.0]})


def test_the_share_of_each_run_is_smaller_if_there_are_several(server, monkeypatch):
    from airflow.utils.session import create_session

    monkeypatch.setattr(numbers, "MAX_READ", 400)
    with create_session() as session:
        past = history.History(session, f"of_{MANY}", OF, 20)
        past.runs.append(past.runs[0])
        plan = numbers._plan(past, [], None)
        assert [len(positions) for positions in plan.values()] == [50, 50]
        plan = numbers._plan(past, [], "first")
        assert [len(positions) for positions in plan.values()] == [100 // 64 * 64, 100 // 64 * 64]


def test_a_backend_that_loads_each_document_is_asked_for_fewer(server, monkeypatch):
    from airflow.utils.session import create_session

    monkeypatch.setattr(numbers, "loads_json_only", lambda: False)
    with create_session() as session:
        plan = numbers._plan(history.History(session, f"of_{MANY}", OF, 20), [], None)
    assert sum(map(len, plan.values())) * (1 + len(TASKS)) <= numbers.MAX_LOADED


def test_older_runs_are_left_out_if_there_are_too_many_keys(server, monkeypatch):
    from airflow.utils.session import create_session

    dag_id = "of_several"
    register(dag(dag_id=dag_id, schedule=None)(lambda: customers().map(each))())
    with create_session() as session:
        for number in range(3):
            write_large_run(session, dag_id, "customers", TASKS, 10, run_id=f"run-{number}", days=number)
    path = f"/dags/{dag_id}/history"
    assert [run["run_id"] for run in server.get(path, of=OF).json()["runs"]] == ["run-0", "run-1", "run-2"]
    monkeypatch.setattr(history, "MOST_KEYS", 25)
    answer = server.get(path, of=OF).json()
    assert [run["run_id"] for run in answer["runs"]] == ["run-1", "run-2"]
    assert answer["message"] == "Only the last runs are shown because there are many keys."
    monkeypatch.setattr(history, "MOST_KEYS", 5)
    assert [run["run_id"] for run in server.get(path, of=OF).json()["runs"]] == ["run-2"]


def test_clones_in_doubt_are_checked_up_to_a_number_and_the_answer_says_so(server, monkeypatch):
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        of_run = (TaskInstance.dag_id == f"of_{FEW}", TaskInstance.run_id == "large")
        again = update(TaskInstance).where(*of_run, TaskInstance.task_id == "customers")
        session.execute(again.values(try_number=2))
        # Nothing shows for which list of keys it was skipped.
        session.execute(
            update(TaskInstance).where(*of_run, TaskInstance.map_index >= 0).values(state="skipped")
        )

    def page(**query):
        with create_session() as session:
            run = open_run(session, f"of_{FEW}", "large")
            assert read_keys(run.source, run.space(OF)).is_listed_again
            return Matrix(run.source, run.space(OF)).page(Query(**query))

    whole = page(limit=3)
    assert (whole.counts, whole.message) == ({"none": FEW}, None)
    monkeypatch.setattr(staleness, "MOST_DOUBTFUL", 2 * FEW)
    cut = page(limit=3)
    assert cut.counts == {"none": FEW}
    assert cut.message is not None
    assert cut.message.startswith(f"The keys were listed again, and more than {2 * FEW} task instances")
    monkeypatch.setattr(staleness, "MOST_DOUBTFUL", 10)
    cut = page(limit=3)
    # What is shown of a row is always checked.
    assert cut.counts == {"none": 10, "skipped": FEW - 10}
    assert {row.state for row in cut.rows} == {None}
    with counting() as counts:
        page(limit=3)
    assert counts["rows"] < FEW
