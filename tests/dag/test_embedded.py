"""What a Dag file prints that is run by itself, and where it runs."""

from __future__ import annotations

import io
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.strict_api import write_local_settings

ROOT = Path(__file__).parents[2]

DAG_FILE = """
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, MetadataValue, add_output_metadata


@task.dynamic(out=DynamicOut(int))
def numbers():
    for number in (1, 3, 5):
        yield DynamicOutput(number, mapping_key=f"number {number}", metadata={"source": "a list"})


@task
def halve(number, unlucky):
    add_output_metadata({"seen": number})
    if str(number) == unlucky:
        raise ValueError(f"cannot halve {number}")
    return number / 2


@task
def total(halves):
    add_output_metadata({"halves": MetadataValue.table([{"half": half} for half in halves])})
    return sum(halves)


@dag(params={"unlucky": "none"}, schedule=None)
def halving():
    total(numbers().map(lambda number: halve(number, "{{ params.unlucky }}")).collect())


the_dag = halving()

if __name__ == "__main__":
    import sys

    from airflow_dynamic_provider.embedded import run

    sys.exit(run(the_dag).exit_status)
"""


@pytest.fixture
def dag_file(tmp_path):
    file = tmp_path / "dags" / "halving.py"
    file.parent.mkdir()
    file.write_text(DAG_FILE)
    return file


@pytest.fixture
def dag(dag_file, monkeypatch):
    # As wide as where there is no terminal. A process of pytest-xdist names another width.
    monkeypatch.setenv("COLUMNS", "140")
    return runpy.run_path(str(dag_file))["the_dag"]


def test_a_run_says_what_each_key_produced(dag, capsys):
    from airflow_dynamic_provider.embedded import run

    finished = run(dag)

    assert (finished.state, finished.exit_status) == ("success", 0)
    assert finished.result("total") == 4.5
    clones = [ti for ti in finished.task_instances if ti.task_id == "halve"]
    assert {ti.label: ti.result for ti in clones} == {"number 1": 0.5, "number 3": 1.5, "number 5": 2.5}
    words = " ".join(capsys.readouterr().out.split())
    assert "number 3 halve success 1.5 source=a list, seen=3" in words
    assert "total success result: 4.5 halves: half" in words
    assert "halving: success, 5 task instances" in words


def test_a_failed_run_names_the_key_and_the_error(dag, capsys):
    from airflow_dynamic_provider.embedded import run

    finished = run(dag, conf={"unlucky": "3"})

    assert (finished.state, finished.exit_status) == ("failed", 1)
    out = " ".join(capsys.readouterr().out.split())
    assert "halve[number 3] failed: ValueError: cannot halve 3" in out
    # The line is broken where it is full, which depends on the folder.
    assert "halving.py,line17)" in out.replace(" ", "")
    assert "number 3 halve failed ValueError: cannot halve 3 source=a list, seen=3" in out


def test_a_key_in_a_batch_is_printed_like_any_other_key(tmp_path, capsys, monkeypatch):
    from airflow_dynamic_provider.embedded import run, watching
    from airflow_dynamic_provider.execution.batches import recording

    # Each key is stored when it ends, and everything is counted each time.
    monkeypatch.setattr(recording, "_STORE_EVERY", 0)
    monkeypatch.setattr(watching, "_PAUSE", 0)
    monkeypatch.setattr(watching.Progress, "is_due", lambda self: True)
    shown = []
    monkeypatch.setattr(watching.Progress, "show", lambda self, *of_run: shown.append(of_run))
    monkeypatch.setenv("COLUMNS", "140")
    file = tmp_path / "halving_in_batches.py"
    file.write_text(
        DAG_FILE.replace('{{ params.unlucky }}")).collect', '{{ params.unlucky }}"), batch=2).collect')
    )
    finished = run(runpy.run_path(str(file))["the_dag"], conf={"unlucky": "3"})
    in_batches = finished.keys_in_batches["halve"]
    assert [(ti.label, ti.state, ti.result) for ti in in_batches] == [
        ("number 1", "success", 0.5),
        ("number 3", "failed", None),
        ("number 5", "success", 2.5),
    ]
    out = " ".join(capsys.readouterr().out.split())
    assert "keys: 3" in out
    assert "number 3 halve failed ValueError: cannot halve 3" in out
    assert "number 1 halve success 0.5 source=a list, seen=1" in out
    assert "halve[number 3] failed: ValueError: cannot halve 3" in out
    # What is above is the log.
    assert "KeysFailedError" not in out.partition("keys: 3")[2]
    texts = [text for text, *_ in shown]
    first = next(at for at, text in enumerate(texts) if text.startswith("running halve number 1"))
    counts = [of_run[1:] for of_run in shown if of_run[0] == texts[first]]
    # Before it are two tasks, and the batch of the last key if Airflow ran that one first.
    before = 2 + ("running halve number 5" in texts[:first])
    # Beside its 3 keys, there are the tasks before and after it.
    others = len(finished.task_instances) - 2
    assert (counts[0], counts[-1]) == ((before, others + 3), (before + 2, others + 3))
    assert recording.after_storing == []


def test_a_file_that_cannot_be_parsed_fails_its_key_and_the_rest_goes_on(tmp_path, capsys, monkeypatch):
    from airflow_dynamic_provider.embedded import run

    monkeypatch.setenv("COLUMNS", "140")
    for name, text in {"broken": "def", "one": "x = 1\n", "two": "def f(): pass\n"}.items():
        (tmp_path / f"{name}.py").write_text(text)
    example = runpy.run_path(str(ROOT / "dags" / "process_directory.py"))
    finished = run(example["the_dag"], conf={"path": str(tmp_path)})
    assert finished.state == "success"
    assert finished.result("summarize") == example["expected"](str(tmp_path)) == {"A": 2, "B": 0, "C": 0}
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    first = next(line for line in lines if line.startswith("broken.py"))
    assert first.startswith("broken.py count failed SyntaxError: invalid syntax (broken.py, line 1)")


def printed_keys(dag, capsys):
    """Return the keys in the printed table of 30 clones, of which one failed, and what stands below it."""
    from airflow_dynamic_provider.embedded import EmbeddedRun, EmbeddedTaskInstance
    from airflow_dynamic_provider.embedded.printing import Printer

    clones = tuple(
        EmbeddedTaskInstance("halve", index, f"number {index}", "success", {"return_value": "x" * 200})
        for index in range(29)
    )
    error = ValueError("cannot\nhalve")
    failed = EmbeddedTaskInstance("halve", 29, "number 29", "failed", error=error)
    Printer(dag).print_run(EmbeddedRun("halving", "run", "success", 1.0, (*clones, failed)))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    table = [line for line in lines if line.startswith("number ")]
    more = [line for line in lines if line.startswith("and ")]
    return table, more


def test_twenty_keys_are_printed_and_the_failed_ones_first(dag, capsys):
    table, more = printed_keys(dag, capsys)
    keys = [" ".join(line.split()[:2]) for line in table]
    assert keys == ["number 29", *(f"number {index}" for index in range(19))]
    assert table[0].split(maxsplit=4)[3:] == ["failed", "ValueError: cannot halve"]
    assert all(line.endswith("…") for line in table[1:])
    assert more == ["and 10 more keys. Failed keys come first. DYNAMIC_OUTPUTS_ALL_KEYS=1 prints all."]


def test_all_keys_are_printed_on_request(dag, capsys, monkeypatch):
    monkeypatch.setenv("DYNAMIC_OUTPUTS_ALL_KEYS", "1")
    table, more = printed_keys(dag, capsys)
    assert (len(table), more) == (30, [])


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_progress_says_how_many_have_ended(is_terminal, monkeypatch):
    from airflow_dynamic_provider.embedded.watching import Progress

    stream = io.StringIO()
    stream.isatty = lambda: is_terminal
    monkeypatch.setenv("COLUMNS", "100")
    progress = Progress(stream)
    assert progress.is_due()
    progress.show("running halve [number 3]", 2, 5)
    assert not progress.is_due()
    progress.clear()
    assert "2/5" in stream.getvalue()
    assert "running halve [number 3]" in stream.getvalue()


def test_a_result_is_asked_for_by_an_unmapped_task(dag):
    from airflow_dynamic_provider.embedded import EmbeddedRun

    with pytest.raises(LookupError, match="no task instance 'halve' that is not mapped"):
        EmbeddedRun("halving", "run", "success", 1.0, ()).result("halve")


def test_a_file_runs_without_a_home_and_leaves_none(dag_file, tmp_path):
    user_home, temporary = tmp_path / "user", tmp_path / "temporary"
    user_home.mkdir()
    temporary.mkdir()
    # Airflow takes it for a Dag file, because of two words in it.
    (dag_file.parent / "script.py").write_text(f"# airflow dag\nopen({str(tmp_path / 'imported')!r}, 'w')\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
    write_local_settings(tmp_path / "settings")
    environment |= {
        "HOME": str(user_home),
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(tmp_path / "settings"),
    }

    ended = subprocess.run(
        [sys.executable, dag_file.name], cwd=dag_file.parent, env=environment, capture_output=True, text=True
    )

    assert ended.returncode == 0, ended.stderr
    assert "halving: success, 5 task instances" in ended.stdout
    assert not (tmp_path / "imported").exists()
    assert not list(user_home.rglob("airflow.db"))
    assert not list(temporary.glob("airflow-*"))


def test_without_a_home_only_the_program_itself_is_started_again(dag, monkeypatch):
    from airflow_dynamic_provider.embedded import run

    monkeypatch.delenv("AIRFLOW_HOME")

    with pytest.raises(RuntimeError, match="AIRFLOW_HOME is not set"):
        run(dag)
