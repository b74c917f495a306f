"""``airflow dynamic-outputs clear``: what it shows and changes, and what it says of unknown names."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, dynamic_workflow
from airflow_dynamic_provider.version_compat import COMMAND, AirflowFailException
from airflow_dynamic_provider.workflows.tasks.operators import NodeListOperator
from tests.dag.tasks import double, keep
from tests.dag.workflow_clears import command, execute, names, run_again
from tests.dag_runs import start_run
from tests.pure.processes import run_python

FAILING = set()


@task
def step(name, *_used):
    if name in FAILING:
        raise ValueError("as the test says")
    return name


def node(name, *used):
    return step.override(task_id=name)(name, *used)


@dynamic_workflow(failure_policy="run_all")
def graph():
    first = node("first")
    return [node("second", first), node("it's $HOME", first), node("alone")]


@dynamic_workflow
def empty():
    return []


@dag(schedule=None)
def clearable():
    keep(graph())
    double(empty())


@pytest.fixture(scope="module")
def run(airflow_database, execution_api):
    FAILING.clear()
    return start_run(clearable()).run()


def states(run):
    return {(ti.task_id, ti.map_index): ti.state for ti in run.dag_run.get_task_instances()}


def test_without_yes_it_shows_what_would_run_and_changes_nothing(run, capsys):
    before = states(run)
    capsys.readouterr()
    command(run, "--node", "first", "--output", "json")
    shown = capsys.readouterr()
    rows = json.loads(shown.out)
    assert {row["state"] for row in rows} == {"success"}
    assert {row["name"] for row in rows} == {"first", "second", "it's $HOME", ""}
    assert {row["task_id"] for row in rows if not row["name"]} == {"graph.result", "keep"}
    assert shown.err == "Would clear 5 task instances. Add --yes to do it.\n"
    assert states(run) == before


@pytest.mark.parametrize("output", ["table", "yaml"])
def test_it_lists_in_other_forms(run, capsys, output):
    capsys.readouterr()
    command(run, "--node", "alone", "--output", output)
    shown = capsys.readouterr().out
    assert "alone" in shown
    assert "graph.result" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--node", "frist"], "there is no node 'frist' in the workflow 'graph'. Did you mean 'first'?"),
        (["--node", "zzzzz"], "There are 'first', 'second', "),
        (
            ["--node", "first", "--key", "k"],
            "there is no key 'k' in the workflow 'graph', nor any other",
        ),
        ([], "Say which nodes: either --node NAME, as often as you like, or --state failed."),
        (["--node", "first", "--state", "failed"], "Say which nodes: either"),
    ],
)
def test_what_cannot_be_cleared_is_refused_with_what_is_near(run, arguments, message):
    with pytest.raises(SystemExit) as caught:
        command(run, *arguments)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("dag_id", "run_id", "workflow", "message"),
    [
        ("clearabel", "r", "graph", "there is no Dag 'clearabel' in Airflow. Did you mean 'clearable'"),
        ("clearable", "manual", "graph", "there is no run 'manual' in the Dag 'clearable'. "),
        (
            "clearable",
            None,
            "grahp",
            "there is no workflow 'grahp' in the Dag 'clearable'. Did you",
        ),
        ("clearable", None, "empty", "there is no node 'first' in the workflow 'empty', nor any other"),
    ],
)
def test_a_name_that_is_not_there_is_told_with_those_like_it(run, dag_id, run_id, workflow, message):
    with pytest.raises(SystemExit) as caught:
        execute(["clear", dag_id, run_id or run.run_id, "--workflow", workflow, "--node", "first"])
    assert message in str(caught.value)


def test_a_dag_without_workflows_is_told_so(airflow_database, execution_api):
    @dag(schedule=None)
    def without():
        keep(1)

    plain = start_run(without())
    with pytest.raises(SystemExit) as caught:
        command(plain, "--state", "failed")
    assert str(caught.value) == "there is no workflow 'graph' in the Dag 'without', nor any other"


@pytest.mark.parametrize("workflow", ["graph", "empty"])
def test_where_nothing_failed_there_is_nothing_to_do(run, capsys, workflow):
    before = states(run)
    capsys.readouterr()
    command(run, "--state", "failed", "--yes", workflow=workflow)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "No node failed: there is nothing to run again.\n")
    assert states(run) == before


def test_a_run_that_has_not_begun_has_no_nodes(airflow_database, execution_api, capsys):
    waiting = start_run(clearable())
    with pytest.raises(SystemExit, match="there is no node 'first' in the workflow 'graph', nor any other"):
        command(waiting, "--node", "first")
    command(waiting, "--state", "failed")
    assert capsys.readouterr().err == "No node failed: there is nothing to run again.\n"


def test_failed_nodes_that_stay_are_named(airflow_database, execution_api, capsys):
    FAILING.update({"second", "alone"})
    failed = start_run(clearable()).run()
    FAILING.clear()
    command(failed, "--node", "second", "--yes")
    told = capsys.readouterr().err
    assert "Cleared 3 task instances.\n" in told
    assert "Other nodes failed too: 'alone'; the workflow fails until they are cleared too" in told
    command(failed, "--state", "failed", "--yes")
    assert names(failed, run_again(failed)) == {"second", "alone", "result", "keep"}
    assert failed.state == "success"


def test_a_list_that_failed_is_made_again_with_its_nodes(airflow_database, execution_api, monkeypatch):
    def fail(*_):
        raise AirflowFailException("as the test says")

    FAILING.clear()
    with monkeypatch.context() as patch:
        patch.setattr(NodeListOperator, "execute", fail)
        run = start_run(clearable()).run()
    assert run.state == "failed"
    command(run, "--state", "failed", "--yes")
    run_again(run)
    assert run.state == "success"
    assert run.xcom("keep") == ["second", "it's $HOME", "alone"]


def test_a_name_with_quotes_is_quoted_for_the_shell(airflow_database, execution_api):
    FAILING.add("it's $HOME")
    failed = start_run(clearable()).run()
    FAILING.clear()
    message = str(failed.errors["graph.result", -1])
    told = message[message.index(COMMAND) :].replace(COMMAND, "printf '%s\\n'")
    words = subprocess.run(["sh", "-c", told], capture_output=True, text=True, check=True).stdout.splitlines()
    assert words == [
        "clear",
        "clearable",
        failed.run_id,
        "--workflow",
        "graph",
        "--node",
        "it's $HOME",
        "--yes",
    ]
    execute(words)
    assert names(failed, run_again(failed)) == {"it's $HOME", "result", "keep"}


@task.dynamic(out=DynamicOut(int))
def keys():
    for key in ("a/b", "-c"):
        yield DynamicOutput(1, mapping_key=key)


@dynamic_workflow
def per_key(_number):
    return node("one")


@dag(schedule=None)
def by_key():
    keep(keys().map(lambda number: per_key(number)).collect(keyed=True))


def test_a_key_is_named_as_its_label_or_as_a_list(airflow_database, execution_api, capsys):
    mapped = start_run(by_key()).run()
    for spelled in ("--key=a/b", '--key=["a/b"]', "--key=-c"):
        capsys.readouterr()
        command(mapped, "--node", "one", spelled, "--output", "json", workflow="per_key")
        rows = json.loads(capsys.readouterr().out)
        key = "-c" if spelled.endswith("-c") else "a/b"
        assert {row["name"] for row in rows if row["task_id"].startswith("per_key")} == {f"{key}/one", key}
    with pytest.raises(SystemExit, match=r"no key 'a' in the workflow 'per_key'\. Did you mean 'a/b'"):
        command(mapped, "--node", "one", "--key", "a", workflow="per_key")


def test_the_command_is_shown_in_a_process_of_its_own(airflow_database):
    own = COMMAND.split()[1:] if COMMAND.startswith("python") else ["-m", *COMMAND.split()]
    for command_line in (own, ["-m", "airflow_dynamic_provider.cli"]):
        arguments = [sys.executable, *command_line, "--help"]
        shown = subprocess.run(arguments, capture_output=True, text=True, check=True)
        for name in ("list", "show", "clear", "export"):
            assert re.search(rf"^ +{name} ", shown.stdout, re.MULTILINE)


def test_the_definition_loads_nothing_but_what_airflows_own_commands_do():
    loaded = run_python(
        "import sys, json, airflow.cli.cli_config; before = set(sys.modules)\n"
        "import airflow_dynamic_provider.cli.definition as definition\n"
        "definition.get_cli_commands()\n"
        "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    # Airflow has loaded the package itself already, where it is installed.
    package = "airflow_dynamic_provider"
    assert set(loaded) - {package} == {
        f"{package}.airflow_adapter",
        f"{package}.airflow_adapter.commands",
        f"{package}.cli",
        f"{package}.cli.definition",
        f"{package}.cli.login",
    }
