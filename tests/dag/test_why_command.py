"""``airflow dynamic-outputs keys|why|clear --match``: which keys there are, and why they failed."""

from __future__ import annotations

import json

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import Batch, DynamicOut, DynamicOutput
from airflow_dynamic_provider.database.error_patterns import pattern_of
from airflow_dynamic_provider.database.failure_groups import NOT_STORED
from airflow_dynamic_provider.execution.layout import FAILURE_XCOM
from tests.dag.workflow_clears import execute
from tests.dag_runs import start_run

#: Region -> why it fails. Two of them differ only in what varies.
ERRORS = {
    "north": "request 17 to /data/north/a.csv timed out after 2.5 s",
    "south": "request 4711 to /data/south/b.csv timed out after 30 s",
    "west": "no such table",
    "east": None,
}


OUTPUTS = ("regions.result", "many_regions.result")


@task.dynamic(out=DynamicOut(str))
def regions():
    for name in ERRORS:
        yield DynamicOutput(name, mapping_key=name)


@task
def load(name):
    if ERRORS[name] is not None:
        raise ConnectionError(ERRORS[name])
    return name


@task
def check(name):
    return name


@task
def report(names):
    raise RuntimeError(f"only {len(names)} regions")


@dag(schedule=None)
def loads():
    found = regions()
    report(found.map(load).map(check).collect(min_success_ratio=0))
    many = regions.override(task_id="many_regions")()
    many.map(load.override(task_id="load_batch"), batch=Batch(10))


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    return start_run(loads()).run()


@pytest.fixture
def told(run, capsys):
    def execute_and_read(name, *arguments, run_id=None):
        capsys.readouterr()
        execute([name, run.dag.dag_id, run_id or run.run_id, *arguments])
        return capsys.readouterr()

    return execute_and_read


def documents(told, *arguments):
    return json.loads(told(*arguments, "--output", "json").out)


def test_keys_lists_keys_in_the_order_of_production(told):
    written = told("keys", "--output", "plain")
    assert [line.split()[:3] for line in written.out.splitlines()] == [
        ["of", "key", "state"],
        *([of, name, "failed" if error else "success"] for of in OUTPUTS for name, error in ERRORS.items()),
    ]
    assert written.err == ""


def test_keys_are_chosen_by_state_and_by_pattern(told):
    def chosen(*arguments):
        return [row["key"] for row in documents(told, "keys", "--of", OUTPUTS[0], *arguments)]

    assert chosen("--state", "success") == ["east"]
    assert chosen("--state", "failed", "--state", "success") == list(ERRORS)
    assert chosen("--match", "*st") == ["west", "east"]
    assert chosen("--match", "[ns]*", "--state", "failed") == ["north", "south"]
    assert chosen("--match", "st") == []
    assert told("keys", "--match", "st").err == "No key is selected.\n"


def test_keys_says_that_there_are_more(told):
    written = told("keys", "--limit", "3", "--output", "plain")
    assert len(written.out.splitlines()) == 4
    assert written.err == "These are the first 3 keys. There are more: --limit NUMBER shows them.\n"


def test_keys_as_document_has_the_errors(told):
    both = documents(told, "keys", "--match", "west")
    assert [(each["of"], each["key_path"]) for each in both] == [(of, ["west"]) for of in OUTPUTS]
    cells = [cell for each in both for cell in each["task_instances"]]
    told_of = {cell["task_id"]: (cell["error"], cell["reason"]) for cell in cells}
    error = "ConnectionError: no such table"
    assert told_of == {
        "load": (error, None),
        "check": (None, f"because 'load' failed: {error}"),
        "load_batch": (error, None),
    }


def test_latest_is_the_last_run(told, run):
    assert documents(told, "keys") == documents(lambda *arguments: told(*arguments, run_id="latest"), "keys")
    with pytest.raises(SystemExit) as refused:
        execute(["keys", "no_such_dag", "latest"])
    assert str(refused.value).startswith("there is no Dag 'no_such_dag' in Airflow")


def test_why_groups_equal_errors(told):
    groups = documents(told, "why")
    found = {(each["task_id"], each["count"], tuple(each["keys"])): each["error"] for each in groups}
    first = f"ConnectionError: {ERRORS['north']}"
    assert found == {
        ("load", 2, ("north", "south")): first,
        ("load", 1, ("west",)): "ConnectionError: no such table",
        ("load_batch", 2, ("north", "south")): first,
        ("load_batch", 1, ("west",)): "ConnectionError: no such table",
        ("report", 1, ("-1",)): found["report", 1, ("-1",)],
    }
    assert [each["count"] for each in groups] == [2, 2, 1, 1, 1]
    table = told("why")
    assert "north, south" in table.out
    assert table.err == "7 failures with 5 different errors.\n"


def test_why_of_a_key_shows_the_traceback(told):
    written = told("why", "west", "--of", OUTPUTS[0], "--output", "plain")
    assert "load       ConnectionError: no such table" in written.out
    assert "check      because 'load' failed: ConnectionError: no such table" in written.out
    assert "raise ConnectionError(ERRORS[name])" in written.out
    assert told("why", "east", "--of", OUTPUTS[1]).err == "No error and no reason is stored for this key.\n"


def test_an_error_that_is_not_stored_is_said_to_be_missing(told, run):
    from sqlalchemy import delete

    from airflow_dynamic_provider.airflow_adapter.models import XComModel, create_session

    with create_session() as session:
        ours = (XComModel.run_id == run.run_id, XComModel.task_id == "report")
        session.execute(delete(XComModel).where(*ours, XComModel.key == FAILURE_XCOM))
    (group,) = [each for each in documents(told, "why") if each["task_id"] == "report"]
    assert group["error"] == NOT_STORED


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("row 17 of 2.5", "row 4 of 12.25"),
        ("/tmp/a/b.csv is broken", "/var/x.csv is broken"),
        ("s3://bucket/one is gone", "s3://other/two/three is gone"),
        ("job 3f2b8c4e-1d2a-4b6c-8e9f-0a1b2c3d4e5f", "job 00000000-aaaa-bbbb-cccc-123456789abc"),
        ("at 0x7f3acbad7310", "at 0x10"),
        ("commit 3f2b8c4e1d2a9", "commit 0a1b2c3d4e5f6"),
        ("no column 'price' here", 'no column "amount of it" here'),
    ],
)
def test_errors_that_differ_in_what_varies_are_equal(one, other):
    assert pattern_of(one) == pattern_of(other)


def test_errors_that_differ_in_the_key_only_are_equal_and_others_are_not():
    assert pattern_of("no file for north", "north") == pattern_of("no file for south", "south")
    assert pattern_of("no file for north") != pattern_of("no file for south")
    assert pattern_of("added") != pattern_of("faded")
    # A key may be a letter of other words, and an apostrophe may be a part of a word.
    assert pattern_of("failed at a", "a") == pattern_of("failed at f", "f") == "failed at <key>"
    assert pattern_of("can't read, it isn't there") == "can't read, it isn't there"


def test_clear_by_pattern(told, run):
    shown = told("clear", "--match", "*th", "--of", OUTPUTS[0], "--state", "failed", "--output", "json")
    assert {row["name"] for row in json.loads(shown.out)} >= {"north", "south"}
    assert "west" not in {row["name"] for row in json.loads(shown.out)}

    def refusal(*arguments):
        with pytest.raises(SystemExit) as refused:
            told("clear", *arguments)
        return str(refused.value)

    assert refusal("--match", "x*").startswith("no key matches 'x*'")
    assert refusal("--match", "x*", "--key", "west") == (
        "Use either --key or --match: a pattern selects keys by itself."
    )
    assert refusal("--match", "x*", "--workflow", "g", "--state", "failed") == (
        "--match selects keys of dynamic outputs. With --workflow, name nodes with --node."
    )


def test_diff_shows_what_changed_from_one_run_to_the_next(run, told, monkeypatch):
    monkeypatch.setitem(ERRORS, "north", None)
    monkeypatch.setitem(ERRORS, "east", "out of memory")
    monkeypatch.delitem(ERRORS, "west")
    monkeypatch.setitem(ERRORS, "new", None)
    later = start_run(loads()).run()
    written = told("diff", later.run_id, "--of", "regions.result", "--output", "plain")
    rows = [line.split()[:-1] for line in written.out.splitlines()[1:]]
    assert [" ".join(row[:-1] if row[0] in ("newly", "repaired") else row) for row in rows] == [
        "new regions.result new",
        "gone regions.result west",
        "newly failed regions.result east",
        "repaired regions.result north",
    ]
    assert written.err == (
        f"From {run.run_id} to {later.run_id}: 1 new, 1 gone, 1 newly failed, 1 repaired.\n"
    )
    both = documents(told, "diff", "latest")
    assert {(each["of"], each["change"]) for each in both} == {
        (of, change) for of in OUTPUTS for change in ("new", "gone", "newly failed", "repaired")
    }
    assert told("diff", run.run_id).err.endswith("no key differs.\n")


def test_list_watches_a_run_until_it_ends(run, told):
    written = told("list", "--watch")
    assert "regions.result load: 1 of 4 done, 3 failed\n" in written.err
    assert "many_regions.result load_batch: 1 of 4 done, 3 failed\n" in written.err
    assert "many_regions.result" in written.out
    with pytest.raises(SystemExit, match="--watch shows bars or lines"):
        told("list", "--watch", "--output", "json")
