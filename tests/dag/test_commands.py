"""``airflow dynamic-outputs list|show|clear|export`` for keys: what they show, and what runs again."""

from __future__ import annotations

import csv
import io
import json
import re
from argparse import Namespace
from datetime import timedelta
from types import SimpleNamespace

import pytest
import yaml
from airflow.sdk import dag, task, task_group

from airflow_dynamic_provider import DynamicOut, DynamicOutput, add_output_metadata, dynamic_workflow
from airflow_dynamic_provider.cli import completion
from airflow_dynamic_provider.ui.routes import clearing
from tests.api_server import ApiServer, OverHttp
from tests.dag.tasks import keep, pair
from tests.dag.test_reruns import may_lose_keys
from tests.dag.workflow_clears import execute, run_again
from tests.dag_runs import start_run

FAILING = set()


@task.dynamic(out=DynamicOut(str, description="Names of [all] kinds"))
def letters():
    for key in ("a", "=b", "[c]"):
        add_output_metadata({"note": "=1+1", "table": [{"key": key}]}, mapping_key=None)
        yield DynamicOutput(key, key, metadata={"size": len(key), "text": f"-{key}", "json": [key]})


@task
def check(value, mapping_key=None):
    if mapping_key in FAILING:
        raise ValueError("as the test says")
    add_output_metadata({"checked": mapping_key, "nothing": None})
    return value


@task.dynamic(out=DynamicOut(int))
def below(value):
    for number in range(1 + (value == "a")):
        yield DynamicOutput(number, f"n{number}", metadata={"below": value})


@task.dynamic(out=DynamicOut(int))
def others():
    for key in ("a", "z"):
        yield DynamicOutput(1, key, metadata={"other": key})


@dynamic_workflow
def graph():
    return keep.override(task_id="node")(1)


@dag(schedule=None)
def commands():
    mine = letters()

    def per_letter(letter):
        checked = check(letter)
        below(checked).map(check.override(task_id="check_number"))
        return checked

    mapped = mine.map(per_letter)
    keep(mapped.collect(min_success_ratio=0))
    mine.zip(others(), how="outer").map(pair)
    graph()


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    FAILING.clear()
    FAILING.update({"=b", "a/n1"})
    run = start_run(commands()).run()
    FAILING.clear()
    return run


@pytest.fixture
def told(run, capsys):
    """Execute a command for the run, and return what it wrote: data, words."""

    def execute_and_read(name, *arguments, of_run=run):
        capsys.readouterr()
        execute([name, of_run.dag.dag_id, of_run.run_id, *arguments])
        written = capsys.readouterr()
        return written.out, written.err

    return execute_and_read


@pytest.fixture(scope="module")
def server(airflow_database):
    return ApiServer()


@pytest.fixture
def over_http(server, monkeypatch):
    return OverHttp(server, monkeypatch)


@pytest.fixture
def read(told):
    """Execute a command, and read the JSON that it writes."""

    def execute_and_load(name, *arguments, of_run=None):
        form = () if name == "export" else ("--output", "json")
        kept = {} if of_run is None else {"of_run": of_run}
        return json.loads(told(name, *arguments, *form, **kept)[0])

    return execute_and_load


def refusal(run, name, *arguments):
    with pytest.raises(SystemExit) as caught:
        execute([name, run.dag.dag_id, run.run_id, *arguments])
    return str(caught.value)


SPACES = ["letters.result", "below.result", "letters_zip_others__keys", "others.result"]


def test_list_shows_all_dynamic_outputs_and_workflows(read):
    listed = read("list")
    by_name = {each["of"]: each for each in listed["outputs"]}
    assert sorted(by_name) == sorted(SPACES)
    assert by_name["letters.result"] == {
        "of": "letters.result",
        "name": "letters.result",
        "kind": "produced",
        "keys": 3,
        "counts": {"failed": 1, "success": 2},
        "progress": [
            {
                "task_id": task_id,
                "keys": 3,
                "done": 2,
                "failed": 1,
                "running": 0,
                "waiting": 0,
                "summary": "2 of 3 done, 1 failed",
                "estimate": None,
            }
            for task_id in ("check", "below")
        ],
        "description": "Names of [all] kinds",
        "message": None,
    }
    assert by_name["below.result"]["kind"] == "nested"
    assert by_name["below.result"]["counts"] == {"failed": 1, "success": 2}
    assert by_name["letters_zip_others__keys"]["name"] == "letters.result.zip(others.result)"
    assert by_name["letters_zip_others__keys"]["kind"] == "joined"
    assert listed["workflows"] == [
        {
            "workflow": "graph",
            "is_mapped": False,
            "nodes": 1,
            "counts": {"success": 1},
            "state": "success",
            "from_run": None,
            "message": None,
        }
    ]


def test_list_as_table_plain_lines_and_yaml(told, read):
    table, words = told("list")
    assert re.search(
        r"letters\.result +\| produced \| 3 +\| 1 failed, 2 success \| Names of \[all\] kinds", table
    )
    assert re.search(r"graph +\| 1 +\| 1 success +\| success", table)
    plain, _ = told("list", "--output", "plain")
    assert re.search(
        r"^letters\.result +produced +3 +1 failed, 2 success +Names of \[all\] kinds$", plain, re.M
    )
    assert yaml.safe_load(told("list", "--output", "yaml")[0]) == read("list")
    assert words == ""


def test_where_there_is_nothing_list_says_so(airflow_database, execution_api, told):
    @dag(schedule=None)
    def without():
        keep(1)

    plain = start_run(without())
    assert told("list", of_run=plain) == ("", "The Dag 'without' has no dynamic outputs and no workflows.\n")
    assert json.loads(told("list", "--output", "json", of_run=plain)[0]) == {
        "run": {"dag_id": "without", "run_id": plain.run_id, "state": "queued"},
        "outputs": [],
        "workflows": [],
    }
    assert refusal(plain, "show", "a") == "there is no dynamic output in the Dag 'without'"
    assert refusal(plain, "export") == "there is no dynamic output in the Dag 'without'"


def test_before_a_run_begins_there_are_no_keys_yet(airflow_database, execution_api, told, read):
    waiting = start_run(commands())
    table, words = told("list", of_run=waiting)
    assert "letters.result: The keys are not known yet: 'letters' has not ended.\n" in words
    assert "graph: The nodes are not known yet: 'graph.plan' has not ended.\n" in words
    assert "letters.result" in table
    assert refusal(waiting, "show", "a", "--of", "letters.result") == (
        "there is no key 'a' in 'letters.result'. The keys are not known yet: 'letters' has not ended."
    )
    assert "there is no key 'a' in the run" in refusal(waiting, "clear", "--key", "a")
    assert told("clear", "--state", "failed", of_run=waiting)[1] == (
        "No key failed: there is nothing to run again.\n"
    )
    (exported,) = read("export", "--of", "letters.result", of_run=waiting)["outputs"]
    assert (exported["keys"], exported["message"]) == (
        [],
        "The keys are not known yet: 'letters' has not ended.",
    )


def test_show_gives_one_document_for_a_key(read, run):
    shown = read("show", "=b", "--of", "letters.result")
    instances = {each["task_id"]: each for each in shown.pop("task_instances")}
    assert shown == {
        "key": "=b",
        "key_path": ["=b"],
        "of": "letters.result",
        "name": "letters.result",
        "kind": "produced",
        "position": 1,
        "origins": [
            {
                "task_id": "letters",
                "map_index": -1,
                "output": "result",
                "description": "Names of [all] kinds",
            }
        ],
        "metadata": {
            "size": {"type": "int", "value": 2},
            "text": {"type": "text", "value": "-=b"},
            "json": {"type": "json", "value": ["=b"]},
        },
    }
    assert {task_id: each["state"] for task_id, each in instances.items()} == {
        "check": "failed",
        "below": "upstream_failed",
    }
    assert instances["check"]["map_index"] == 1
    assert instances["check"]["try_number"] == 1
    assert instances["check"]["duration"] > 0
    assert instances["check"]["is_stale"] is False


def test_show_of_a_nested_key_takes_both_spellings(read):
    shown = read("show", "a/n0")
    assert shown == read("show", '["a", "n0"]')
    assert shown["of"] == "below.result"
    assert [(each["task_id"], each["map_index"]) for each in shown["origins"]] == [("below", 0)]
    assert shown["metadata"] == {"below": {"type": "text", "value": "a"}}
    (instance,) = shown["task_instances"]
    assert instance["metadata"] == {
        "result": {
            "checked": {"type": "text", "value": "a/n0"},
            "nothing": {"type": "null", "value": None},
        }
    }


@pytest.mark.parametrize(("key", "producers"), [("a", ["letters", "others"]), ("z", ["others"])])
def test_show_of_a_joined_key_names_what_produced_it(read, key, producers):
    shown = read("show", key, "--of", "letters_zip_others__keys")
    assert [each["task_id"] for each in shown["origins"]] == producers
    assert "other" in shown["metadata"]
    assert ("size" in shown["metadata"]) == (key == "a")


def test_show_as_table_has_sections_without_markup(told):
    table, words = told("show", "[c]", "--of", "letters.result")
    assert words == ""
    for line in (
        r"key +\| \[c\]",
        r"of +\| letters\.result",
        r"from +\| letters, output result",
        r"description +\| Names of \[all\] kinds",
        r"the key +\| json +\| json +\| \[\"\[c\]\"\]",
        r"check, output result +\| checked +\| text +\| \[c\]",
        r"check +\| 2 +\| success +\| 1 +\|",
    ):
        assert re.search(line, table), line
    plain, _ = told("show", "a/n1", "--output", "plain")
    assert re.search(r"^from +below\[0\], output result$", plain, re.MULTILINE)
    assert re.search(r"^check_number +1 +failed +1 ", plain, re.MULTILINE)


def test_a_key_of_several_dynamic_outputs_needs_the_name_of_one(run):
    message = refusal(run, "show", "a")
    for name in ("letters.result", "letters_zip_others__keys", "others.result"):
        assert repr(name) in message
    assert message.startswith("several dynamic outputs have 'a': ")
    assert message.endswith("Choose one of them: --of NAME.")
    assert refusal(run, "clear", "--key", "a") == message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "a/n7"], "there is no key 'a/n7' in the run '"),
        (["show", "a/n7"], "Did you mean 'a/n1' or 'a/n0'?"),
        (
            ["show", "b", "--of", "letters.result"],
            "there is no key 'b' in 'letters.result'. Did you mean '=b'",
        ),
        (["show", "a", "--of", "leters"], "there is no dynamic output 'leters' in the Dag 'commands'."),
        (["show", "a", "--of", "letters"], "Did you mean 'letters.result'"),
        (["show", "a/n0", "--of", "letters.result"], "there is no key 'a/n0' in 'letters.result'."),
        (["export", "--of", "leters.result"], "Did you mean 'letters.result'"),
        (["clear", "--of", "leters.result", "--state", "failed"], "Did you mean 'letters.result'"),
        (["clear", "--key", "zz"], "there is no key 'zz' in the run '"),
        (
            ["clear", "--key", "z", "--key", "a/n0"],
            "no dynamic output has all of 'z', 'a/n0'. Clear them one by one.",
        ),
        (["clear"], "--key KEY, as often as you like, --match PATTERN, or --state failed. For a workflow"),
        (["clear", "--of", "letters.result"], "Say what to clear: --key KEY"),
        (
            ["clear", "--node", "node"],
            "--node names a node of a workflow. Name the workflow with --workflow GROUP.",
        ),
        (["clear", "--workflow", "graph", "--of", "x", "--state", "failed"], "Use either --of, for keys"),
        (["clear", "--workflow", "graph"], "Say which nodes: either --node NAME"),
        (
            ["clear", "--workflow", "graph", "--node", "node", "--key", "a", "--key", "b"],
            "With --workflow, use --key once at most: it names the key of one graph.",
        ),
        (
            ["export", "--file", "/no/such/folder/file"],
            "/no/such/folder/file cannot be written: No such file",
        ),
    ],
)
def test_what_is_not_there_or_does_not_go_together_is_refused(run, arguments, message):
    assert message in refusal(run, *arguments)


@pytest.mark.parametrize("name", ["list", "show", "clear", "export"])
def test_every_command_refuses_a_run_that_is_not_there(run, name):
    more = {"show": ["a"], "clear": ["--key", "a"]}.get(name, [])
    with pytest.raises(SystemExit) as caught:
        execute([name, "commands", "manual", *more])
    assert str(caught.value).startswith("there is no run 'manual' in the Dag 'commands'. ")


def rows_of(text):
    *rows, last = csv.DictReader(io.StringIO(text, newline=""))
    assert last["of"] == f"# complete: {len(rows)} rows"
    return rows


def test_states_are_exported_as_csv(told):
    text, words = told("export", "--format", "csv", "--of", "letters.result")
    rows = rows_of(text)
    assert words == ""
    assert list(rows[0]) == [
        "of",
        "key_path",
        "key",
        "task_id",
        "map_index",
        "state",
        "try_number",
        "start_date",
        "end_date",
        "duration",
        "is_stale",
        "error",
        "reason",
    ]
    assert {(row["key"], row["task_id"]): row["state"] for row in rows} == {
        ("a", "check"): "success",
        ("a", "below"): "success",
        # No spreadsheet may take it for a formula.
        ("'=b", "check"): "failed",
        ("'=b", "below"): "upstream_failed",
        ("[c]", "check"): "success",
        ("[c]", "below"): "success",
    }
    assert {json.loads(row["key_path"])[0] for row in rows} == {"a", "=b", "[c]"}
    assert {row["is_stale"] for row in rows} == {"false"}
    assert {row["of"] for row in rows_of(told("export", "--format", "csv")[0])} == set(SPACES) - {
        "others.result"
    }


def test_metadata_is_exported_as_csv(told):
    text, _ = told("export", "--what", "metadata", "--format", "csv")
    rows = {
        (row["of"], row["key"], row["task_id"], row["output"], row["label"]): (row["kind"], row["value"])
        for row in rows_of(text)
    }
    assert rows["letters.result", "'=b", "letters", "result", "size"] == ("int", "2")
    assert rows["letters.result", "'=b", "letters", "result", "text"] == ("text", "'-=b")
    assert rows["letters.result", "a", "letters", "result", "json"] == ("json", '["a"]')
    assert rows["letters.result", "a", "check", "result", "checked"] == ("text", "a")
    assert rows["letters.result", "a", "check", "result", "nothing"] == ("null", "null")
    assert rows["below.result", "a/n0", "below", "result", "below"] == ("text", "a")
    joined = "letters_zip_others__keys"
    assert rows[joined, "z", joined, "", "other"] == ("text", "z")


def test_an_export_to_a_file_is_that_to_standard_output(told, read, run, tmp_path):
    for form in ("csv", "json"):
        file = tmp_path / f"states.{form}"
        assert told("export", "--format", form, "--file", str(file)) == ("", f"Wrote {file}.\n")
        assert file.read_bytes().decode() == told("export", "--format", form)[0]
    states = read("export")
    assert (states["dag_id"], states["run_id"]) == ("commands", run.run_id)
    by_name = {each["of"]: each["keys"] for each in states["outputs"]}
    assert sorted(by_name) == sorted(SPACES)
    assert [(key["key_path"], key["tasks"][0]["state"]) for key in by_name["below.result"]] == [
        (["a", "n0"], "success"),
        (["a", "n1"], "failed"),
        (["[c]", "n0"], "success"),
    ]
    said = read("export", "--what", "metadata", "--of", "letters.result")
    (letters_said,) = said["outputs"]
    assert letters_said["keys"][1] == {
        "key_path": ["=b"],
        "key": "=b",
        "metadata": {
            "size": {"type": "int", "value": 2},
            "text": {"type": "text", "value": "-=b"},
            "json": {"type": "json", "value": ["=b"]},
        },
        "tasks": [],
    }


def states_of(run):
    return {(ti.task_id, ti.map_index): ti.state for ti in run.dag_run.get_task_instances()}


@pytest.fixture
def cleared(told):
    """Clear, run what was cleared, and return it by names; it must be exactly what was shown before."""

    def clear_and_run(run, *arguments):
        before = states_of(run)
        shown = json.loads(told("clear", *arguments, "--output", "json", of_run=run)[0])
        assert states_of(run) == before
        assert told("clear", *arguments, "--yes", of_run=run)[1].startswith("Cleared ")
        # What is new could not be shown: it is there only when keys are listed again.
        again = {pair for pair in run_again(run) if pair in before}
        assert {(each["task_id"], each["map_index"]) for each in shown} == again
        return {f"{each['task_id']} {each['name']}".strip() for each in shown}

    return clear_and_run


@pytest.fixture
def failing():
    FAILING.clear()
    yield FAILING
    FAILING.clear()


@task.dynamic(out=DynamicOut(str))
def outer():
    for key in ("ann", "bob", "cid"):
        yield DynamicOutput(key, key)


@task.dynamic(out=DynamicOut(str))
def inner(name):
    for number in range(2):
        yield DynamicOutput(f"{name}{number}", f"o{number}")


@task
def work(value, mapping_key=None):
    if mapping_key in FAILING:
        raise ValueError("as the test says")
    return value


def test_a_key_runs_again_with_what_depends_on_it(failing, cleared):
    @dag(schedule=None)
    def plain():
        keys = outer()
        first = keys.map(work)
        keep(first.map(work.override(task_id="second")).collect(keyed=True))
        keys.map(work.override(task_id="apart"))
        keep.override(task_id="beside")(1)

    failing.add("bob")
    run = start_run(plain()).run()
    assert run.state == "failed"
    failing.clear()
    assert cleared(run, "--key", "bob") == {"work bob", "second bob", "apart bob", "keep"}
    assert run.state == "success"
    assert run.xcom("keep") == {"ann": "ann", "bob": "bob", "cid": "cid"}
    assert cleared(run, "--of", "outer.result", "--key", "ann", "--key", "cid") == {
        f"{name} {key}" for name in ("work", "second", "apart") for key in ("ann", "cid")
    } | {"keep"}


def test_of_keys_only_what_failed_runs_again(failing, cleared, told):
    @dag(schedule=None)
    def partly():
        keys = outer()
        keep(keys.map(work).map(work.override(task_id="second")).collect(min_success_ratio=0))
        keys.map(keep.override(task_id="apart"))

    failing.update({"ann", "bob"})
    run = start_run(partly()).run()
    failing.clear()
    assert told("clear", "--key", "cid", "--state", "failed", "--yes", of_run=run) == (
        "",
        "This key did not fail: there is nothing to run again.\n",
    )
    assert told("clear", "--key", "cid", "--key", "cid", "--state", "failed", of_run=run) == (
        "",
        "None of these keys failed: there is nothing to run again.\n",
    )
    assert cleared(run, "--key", "bob", "--key", "cid", "--state", "failed") == {
        "work bob",
        "second bob",
        "second__done",
        "keep",
    }
    assert run.xcom("keep") == ["bob", "cid"]
    assert cleared(run, "--state", "failed") == {"work ann", "second ann", "second__done", "keep"}
    assert run.xcom("keep") == ["ann", "bob", "cid"]
    assert run.state == "success"


@dag(schedule=None)
def nested():
    def per_name(name):
        orders = inner(work(name))
        prices = orders.map(work.override(task_id="price"))
        return pair(name, prices.collect())

    keep(outer().map(per_name).collect(keyed=True))


INVOICES = {name: [name, [f"{name}0", f"{name}1"]] for name in ("ann", "bob", "cid")}


def test_a_nested_key_runs_again_for_its_outer_key_only(failing, cleared):
    failing.add("bob/o1")
    run = start_run(nested()).run()
    failing.clear()
    assert cleared(run, "--key", "bob/o1") == {"price bob/o1", "pair__gate bob", "pair bob", "keep"}
    assert run.state == "success"
    assert run.xcom("keep") == INVOICES
    assert cleared(run, "--key", '["cid", "o0"]', "--of", "inner.result") == {
        "price cid/o0",
        "pair__gate cid",
        "pair cid",
        "keep",
    }
    assert cleared(run, "--key", "ann", "--of", "inner.result") == {
        "price ann/o0",
        "price ann/o1",
        "pair__gate ann",
        "pair ann",
        "keep",
    }
    assert run.xcom("keep") == INVOICES


def test_all_that_failed_of_all_dynamic_outputs_runs_again(failing, cleared):
    failing.update({"bob/o1", "cid"})
    run = start_run(nested()).run()
    assert run.state == "failed"
    failing.clear()
    again = cleared(run, "--state", "failed")
    assert {"work cid", "inner cid", "pair cid", "price bob/o1", "pair bob", "keep"} <= again
    assert not again & {"work ann", "work bob", "inner bob"}
    assert run.state == "success"
    assert run.xcom("keep") == INVOICES


def test_an_outer_key_runs_again_with_the_keys_below_it(failing, cleared, told):
    failing.add("cid")
    run = start_run(nested()).run()
    failing.clear()
    assert told("clear", "--key", "cid", "--of", "outer.result", of_run=run)[1].endswith(
        "The keys of 'inner.result' are listed again: if they differ then, the new keys run instead.\n"
    )
    again = cleared(run, "--key", "cid", "--of", "outer.result")
    assert {"work cid", "inner cid", "pair cid", "inner__keys", "keep"} <= again
    assert not again & {"work ann", "work bob", "inner ann", "inner bob"}
    assert run.state == "success"
    assert run.xcom("keep") == INVOICES


@dag(schedule=None)
def joined():
    left, right = outer(), outer.override(task_id="right")()
    mine = left.map(work)
    both = mine.zip(right.map(work.override(task_id="other")))
    keep(both.map(pair).collect(keyed=True))
    left.map(work.override(task_id="apart"))


PAIRS = {name: [name, name] for name in ("ann", "bob", "cid")}


def test_a_joined_key_runs_again_with_and_without_its_sides(failing, cleared):
    run = start_run(joined()).run()
    zipped = "outer_zip_right__keys"
    alone = cleared(run, "--key", "bob", "--of", zipped)
    assert {"pair bob", "keep"} <= alone
    assert not {each for each in alone if each.startswith(("work", "other", "apart"))}
    assert run.xcom("keep") == PAIRS
    of_a_side = cleared(run, "--key", "bob", "--of", "right.result")
    assert of_a_side == alone | {"other bob"}
    assert run.xcom("keep") == PAIRS


def test_a_failed_side_of_a_joined_key_is_found_without_its_name(failing, cleared):
    failing.add("bob")
    run = start_run(joined()).run()
    failing.clear()
    again = cleared(run, "--state", "failed")
    assert {"work bob", "other bob", "apart bob", "pair bob", "keep"} <= again
    assert not {each for each in again if each.endswith((" ann", " cid"))}
    assert run.state == "success"
    assert run.xcom("keep") == PAIRS


@task_group
def steps(value):
    return work.override(task_id="last")(work.override(task_id="first")(value))


def test_through_a_gate_between_two_groups_only_the_key_runs_again(failing, cleared):
    @dag(schedule=None)
    def gated():
        first = outer().map(steps)
        second = first.map(lambda value: steps.override(group_id="more")(value))
        keep(second.collect(keyed=True))

    failing.add("bob")
    run = start_run(gated()).run()
    failing.clear()
    again = cleared(run, "--key", "bob", "--state", "failed")
    assert not {each for each in again if each.endswith((" ann", " cid"))}
    assert {f"{group}.{name} bob" for group in ("steps", "more") for name in ("first", "last")} <= again
    assert run.state == "success"
    assert run.xcom("keep") == {name: name for name in ("ann", "bob", "cid")}


@may_lose_keys
def test_after_keys_were_listed_again_what_is_cleared_is_that_of_now(failing, cleared, read, told):
    names = ["ann", "bob", "cid"]

    @task.dynamic(out=DynamicOut(str))
    def changing():
        for name in names:
            yield DynamicOutput(name, name)

    @dag(schedule=None)
    def changed():
        keep(changing().map(work).collect(keyed=True))

    run = start_run(changed()).run()
    names[:] = ["cid", "bob", "dan", "eve"]
    run.clear("changing", downstream=False)
    run.run()
    stale = read("show", "cid", of_run=run)["task_instances"][0]
    assert (stale["map_index"], stale["is_stale"], stale["state"], stale["metadata"]) == (0, True, None, {})
    plain, _ = told("show", "cid", "--output", "plain", of_run=run)
    assert re.search(r"^work +0 +\(ran for an earlier key\)$", plain, re.MULTILINE)
    rows = {row["key"]: row for row in rows_of(told("export", "--format", "csv", of_run=run)[0])}
    assert [rows["cid"][name] for name in ("map_index", "state", "try_number", "start_date", "is_stale")] == [
        "0",
        "",
        "",
        "",
        "true",
    ]
    assert cleared(run, "--key", "cid") == {"work cid", "keep"}
    assert read("show", "cid", of_run=run)["task_instances"][0]["state"] == "success"
    names[:] = ["cid"]
    run.clear("changing").run()
    assert run.xcom("keep") == {"cid": "cid"}
    assert cleared(run, "--key", "cid") == {"work cid", "keep"}
    assert run.state == "success"


@may_lose_keys
def test_what_airflow_has_removed_is_left_alone(failing, cleared, told, monkeypatch):
    monkeypatch.setattr("airflow_dynamic_provider.execution.clones.RESCHEDULE_AFTER", timedelta(0))
    counts = {"ann": 2, "bob": 2}

    @task.dynamic(out=DynamicOut(str))
    def names():
        for name in counts:
            yield DynamicOutput(name, name)

    @task.dynamic(out=DynamicOut(int))
    def some(name):
        for number in range(counts[name]):
            yield DynamicOutput(number, f"{number}")

    @dag(schedule=None)
    def shrinking():
        per_name = names().map(lambda name: pair(name, some(name).map(work).collect()))
        keep(per_name.collect(keyed=True))

    run = start_run(shrinking()).run()
    counts["bob"] = 1
    told("clear", "--key", "bob", "--of", "names.result", "--yes", of_run=run)
    run.run()
    assert run.state_of("work", 3) == "removed"
    again = cleared(run, "--key", "ann", "--of", "names.result")
    assert {"some ann", "work ann/0", "work ann/1", "work bob/0"} <= again
    assert run.xcom("keep") == {"ann": ["ann", [0, 1]], "bob": ["bob", [0]]}
    counts["bob"] = 3
    told("clear", "--key", "bob", "--of", "names.result", "--yes", of_run=run)
    assert run.run().state == "success"
    assert run.xcom("keep") == {"ann": ["ann", [0, 1]], "bob": ["bob", [0, 1, 2]]}


@pytest.mark.parametrize(
    "arguments",
    [
        ["list"],
        ["list", "-o", "json"],
        ["keys", "-o", "yaml"],
        ["keys", "--state", "failed", "--state", "success", "--match", "*b", "--limit", "1"],
        ["keys", "--of", "below.result", "-o", "plain"],
        ["show", "=b", "--of", "letters.result", "-o", "json"],
        ["show", '["a", "n0"]'],
        ["why"],
        ["why", "a/n1", "-o", "json"],
        ["diff", "latest"],
        ["export", "-o", "csv"],
        ["export", "--what", "metadata", "--of", "letters.result"],
        ["clear", "--state", "failed"],
        ["clear", "--match", "[a-z]*", "-o", "json"],
        ["clear", "--key", "a", "--of", "letters.result"],
        ["clear", "--step", "check[=b]"],
        ["clear", "--workflow", "graph", "--node", "node"],
    ],
)
def test_over_http_a_command_writes_what_it_writes_beside_the_database(told, over_http, arguments):
    name, *others = arguments
    assert told(name, *others, *over_http) == told(name, *others)
    assert over_http.requests[0].startswith(f"{'POST' if name == 'clear' else 'GET'} /dynamic-outputs/dags/")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "a"], "several dynamic outputs have 'a': "),
        (["show", "a/n7"], "There is no key 'a/n7' in the run '"),
        (
            ["keys", "--of", "leters.result"],
            "There is no dynamic output 'leters.result' in the Dag 'commands'.",
        ),
    ],
)
def test_over_http_a_command_refuses_what_is_not_there(run, over_http, arguments, message):
    assert refusal(run, *arguments, *over_http).startswith(message)


def test_over_http_the_last_run_is_found_and_cleared_with_what_it_shows(
    run, told, read, over_http, monkeypatch
):
    ran = start_run(commands()).run()
    listed = read("list", *over_http, of_run=SimpleNamespace(dag=ran.dag, run_id="latest"))
    assert listed["run"] == {"dag_id": "commands", "run_id": ran.run_id, "state": "success"}
    before = states_of(ran)
    arguments = ("clear", "--key", "z", "--of", "letters_zip_others__keys", "--keep-cache", "-o", "json")
    shown = told(*arguments, *over_http, of_run=ran)[0]
    assert states_of(ran) == before
    data, words = told(*arguments, "--yes", *over_http, of_run=ran)
    assert (data, words.split()[:2]) == (shown, ["Cleared", str(len(json.loads(shown)))])
    assert {each["task_id"] for each in json.loads(shown)} >= {"pair"}
    assert states_of(ran)["pair", 3] is None
    monkeypatch.setattr(clearing, "_MOST_CLEARED", 0)
    assert "and the server clears at most 0 at once" in refusal(
        run, "clear", "--match", "z", "--yes", *over_http
    )


def test_a_viewer_reads_over_http_and_may_not_clear(run, told, over_http, monkeypatch):
    over_http.log_in("viewer")
    assert "letters.result" in told("list", *over_http)[0]
    message = refusal(run, "clear", "--match", "z", "--yes", *over_http)
    assert message.startswith("http://testserver refuses this to the user of the token from the environment")
    over_http.log_in("nobody")
    assert "Ask for the permission" in refusal(run, "list", *over_http)
    # Airflow answers 403 to a token that it does not know, and 401 to one that has expired.
    for token in ("unknown", over_http.expired_token()):
        monkeypatch.setenv("AIRFLOW_CLI_TOKEN", token)
        message = refusal(run, "list", *over_http)
        assert "does not accept the token from the environment variable AIRFLOW_CLI_TOKEN" in message


@pytest.mark.parametrize("remote", [False, True])
def test_a_shell_completes_dags_runs_outputs_and_keys(run, over_http, remote):
    named = Namespace(
        dag_id="commands", run_id=run.run_id, of=None, env=None, url=over_http[1] if remote else None
    )
    assert completion.dag_ids("comm", named) == ["commands"]
    assert run.run_id in completion.run_ids(run.run_id[:4], named)
    assert completion.run_ids("lat", named) == ["latest"]
    assert completion.outputs("let", named) == ["letters.result", "letters_zip_others__keys"]
    assert completion.keys("[c", named) == ["[c]", "[c]/n0"]
    named.of = "below.result"
    assert completion.keys("", named) == ["a/n0", "a/n1", "[c]/n0"]
    named.dag_id = "unknown"
    assert completion.keys("", named) == []
