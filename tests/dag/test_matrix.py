"""The matrix of keys and tasks in runs that are cleared: no state of one key is ever shown as another's."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput
from airflow_dynamic_provider.database.history import History
from airflow_dynamic_provider.database.matrix import Matrix, Query
from airflow_dynamic_provider.database.runs import open_run
from tests.api_server import ApiServer
from tests.dag.tasks import keep
from tests.dag.test_reruns import clears_by_key
from tests.dag_runs import register, start_run

FOUND: list[str] = []
FAILING: set[str] = set()
SKIPPED: set[str] = set()


@task.dynamic(out=DynamicOut(str))
def letters():
    for letter in FOUND:
        yield DynamicOutput(letter, mapping_key=letter)


@task
def work(letter):
    from airflow_dynamic_provider.version_compat import AirflowSkipException

    if letter in FAILING:
        raise ValueError("as the test says")
    if letter in SKIPPED:
        raise AirflowSkipException("as the test says")
    return letter


@dag(schedule=None)
def looked_at():
    keep(letters().map(work).map(keep).collect())


@pytest.fixture
def run(airflow_database, execution_api):
    FOUND[:] = ["a", "b", "c"]
    FAILING.clear()
    SKIPPED.clear()
    return start_run(looked_at())


def matrix(run, of="letters.result", **query):
    """Key -> task -> (state, whether it is another key's)."""
    from airflow.utils.session import create_session

    with create_session() as session:
        opened = open_run(session, run.dag.dag_id, run.run_id)
        found = Matrix(opened.source, opened.space(of))
        page = found.page(Query(**query))
        cells = {
            "/".join(row.key_path): {
                task_id: None if cell is None else (cell.state, cell.is_stale)
                for task_id, cell in row.cells.items()
            }
            for row in page.rows
        }
        states = {"/".join(row.key_path): row.state for row in page.rows}
        return cells, states, found.keys.message, dict(page.counts)


def test_before_the_keys_are_known(run):
    cells, _, message, counts = matrix(run)
    assert (cells, counts) == ({}, {})
    assert message == "The keys are not known yet: 'letters' has not ended."


def test_why_there_are_no_keys(run):
    FOUND[:] = ["a", "a"]
    run.run()
    assert matrix(run)[2].startswith(
        "There are no keys because 'letters' is failed: DuplicateMappingKeyError: "
    )


def test_states_of_keys(run):
    FAILING.add("b")
    SKIPPED.add("c")
    run.run()
    cells, states, message, counts = matrix(run)
    assert cells == {
        "a": {"work": ("success", False), "keep": ("success", False)},
        "b": {"work": ("failed", False), "keep": ("upstream_failed", False)},
        "c": {"work": ("skipped", False), "keep": ("skipped", False)},
    }
    assert states == {"a": "success", "b": "failed", "c": "skipped"}
    assert (message, counts) == (None, {"failed": 1, "skipped": 1, "success": 1})


def test_keys_are_there_before_their_clones(run):
    # The producing task has run, and nothing else has been looked at.
    (scheduled,) = run._schedule()
    run._execute(scheduled)
    cells, states, _, counts = matrix(run)
    assert list(cells) == ["a", "b", "c"]
    assert set(states.values()) == {None}
    assert counts == {"none": 3}


def test_a_producing_task_that_is_cleared_alone_leaves_no_state_to_other_keys(run):
    run.run()
    FOUND[:] = ["x", "b", "a"]
    run.clear("letters", downstream=False).run()
    cells, _, _, counts = matrix(run)
    assert list(cells) == ["x", "b", "a"]
    assert {cell for row in cells.values() for cell in row.values()} == {(None, True)}
    assert counts == {"none": 3}


def test_the_clocks_of_the_workers_do_not_decide_whose_a_state_is(run):
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    FOUND[:] = ["a", "b", "c"]
    SKIPPED.add("c")
    run.run()
    with create_session() as session:
        clones = select(TaskInstance).where(TaskInstance.run_id == run.run_id, TaskInstance.map_index >= 0)
        for clone in session.scalars(clones.where(TaskInstance.start_date.is_not(None))):
            # As if it had run on a machine whose clock is an hour ahead.
            clone.start_date += timedelta(hours=1)
    FOUND[:] = ["x", "b", "a"]
    run.clear("letters", downstream=False).run()
    cells, states, _, counts = matrix(run)
    assert {cell for row in cells.values() for cell in row.values()} == {(None, True)}
    assert (set(states.values()), counts) == ({None}, {"none": 3})


def test_a_page_offers_to_clear_the_task_that_lists_the_keys_while_clones_are_of_former_keys(run):
    server = ApiServer()
    path = f"/dags/looked_at/runs/{run.run_id}"

    def space():
        (found,) = server.get(f"{path}/outputs").json()["spaces"]
        return found

    run.run()
    assert (space()["lister"], space()["has_stale"]) == ("letters", False)
    FOUND[:] = ["c", "b", "a"]
    run.clear("letters", downstream=False).run()
    assert space()["has_stale"]
    wanted = {"of": "letters.result", "lister": True}
    answer = server.post(f"{path}/clearing", wanted, user="viewer").json()
    assert sorted(answer["task_ids"]) == ["keep", "keep__1", "letters", "work"]
    assert answer["warnings"][0].startswith("The keys of 'letters.result' are listed again")
    refused = server.post(f"{path}/clearing", {**wanted, "state": "failed"}, user="viewer")
    assert refused.status_code == 422
    run.clear("letters").run()
    assert not space()["has_stale"]


def test_a_page_clears_in_one_transaction_what_the_viewer_has_confirmed(run):
    from airflow.models import Log
    from airflow.settings import engine
    from airflow.utils.session import create_session
    from sqlalchemy import event, select

    FAILING.add("b")
    run.run()
    server = ApiServer()
    path = f"/dags/looked_at/runs/{run.run_id}"
    wanted = {"of": "letters.result", "state": "failed"}
    plan = server.post(f"{path}/clearing", wanted, user="viewer").json()
    assert plan["refusal"] == "You may not clear task instances of this Dag."
    assert (
        server.post(f"{path}/clear", {**wanted, "confirmed": plan["total"]}, user="viewer").status_code == 403
    )
    plan = server.post(f"{path}/clearing", wanted).json()
    assert plan["refusal"] is None
    before = run.tries(), matrix(run)
    refused = server.post(f"{path}/clear", {**wanted, "confirmed": plan["total"] + 1})
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith(f"Nothing was cleared, because {plan['total']} task instances")
    assert (run.tries(), matrix(run)) == before

    done = []

    def note_update(connection, cursor, statement, *others):
        if statement.startswith("UPDATE task_instance"):
            done.append("update")

    def note_commit(connection):
        done.append("commit")

    event.listen(engine, "before_cursor_execute", note_update)
    event.listen(engine, "commit", note_commit)
    try:
        answer = server.post(f"{path}/clear", {**wanted, "confirmed": plan["total"]})
    finally:
        event.remove(engine, "before_cursor_execute", note_update)
        event.remove(engine, "commit", note_commit)
    assert (answer.status_code, answer.json()) == (200, {"total": plan["total"]})
    updates = [at for at, each in enumerate(done) if each == "update"]
    assert updates
    assert "commit" not in done[updates[0] : updates[-1]]
    with create_session() as session:
        noted = select(Log.owner).where(Log.event == "clear_dynamic_outputs", Log.run_id == run.run_id)
        assert "admin" in session.scalars(noted).all()
    FAILING.clear()
    run.run()
    assert matrix(run)[1] == {"a": "success", "b": "success", "c": "success"}


def test_a_clone_that_is_marked_before_it_ran_is_no_clone_of_a_former_key(run):
    FOUND[:] = ["a", "a"]
    run.run()
    FOUND[:] = ["a", "b"]
    FAILING.add("b")
    # The first list is that of the second try.
    run.clear("letters").run().mark("keep", 1).run()
    assert matrix(run)[0]["b"] == {"work": ("failed", False), "keep": ("success", False)}


@clears_by_key
def test_a_clone_that_is_then_cleared_has_the_state_of_its_key(run):
    run.run()
    FOUND[:] = ["x", "b", "a"]
    run.clear("letters", downstream=False).run()
    run.clear("work", 0).run()
    cells, states, _, _ = matrix(run)
    assert set(cells["x"].values()) == {("success", False)}
    assert {cell for key in ("b", "a") for cell in cells[key].values()} == {(None, True)}
    assert states == {"x": "success", "b": None, "a": None}


def test_keys_that_are_made_again_with_their_clones_have_their_own_states(run):
    run.run()
    FOUND[:] = ["c", "d", "e"]
    FAILING.add("d")
    run.clear("letters").run()
    cells, states, _, counts = matrix(run)
    assert states == {"c": "success", "d": "failed", "e": "success"}
    assert not any(stale for row in cells.values() for _, stale in row.values()), cells
    assert counts == {"failed": 1, "success": 2}


def test_the_last_runs_of_keys(run):
    from airflow.utils.session import create_session

    FAILING.add("b")
    run.run()
    FOUND[:] = ["b", "c"]
    FAILING.clear()
    other = start_run(looked_at()).run()
    with create_session() as session:
        history = History(session, "looked_at", "letters.result", 2)
        assert [past.dag_run.run_id for past in history.runs] == [run.run_id, other.run_id]
        assert history.keys() == [("b",), ("c",), ("a",)]
        assert history.keys("A") == [("a",)]
        states = [
            [None if cell is None else cell.state for cell in row]
            for row in history.states(history.keys(), "work")
        ]
    assert states == [["failed", "success"], ["success", "success"], ["success", None]]


def test_a_run_of_a_versioned_bundle_is_shown_as_its_dag_was(run):
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    run.run()
    other = dag(dag_id="looked_at", schedule=None)(lambda: letters.override(task_id="others")().map(keep))()
    register(other)
    with create_session() as session:
        opened = open_run(session, "looked_at", run.run_id)
        assert list(opened.structure.spaces) == ["others.result"]
        session.execute(update(DagRun).where(DagRun.run_id == run.run_id).values(bundle_version="1"))
    with create_session() as session:
        opened = open_run(session, "looked_at", run.run_id)
        assert list(opened.structure.spaces) == ["letters.result"]
