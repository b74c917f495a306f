"""What a Dag run of a program does that plain Python does not."""

from __future__ import annotations

import pytest

from tests.dag_runs import run_dag
from tests.flyte.running import MODULE, dags_in
from tests.workflow_runs import quickly

PROGRAM = f"""
from datetime import datetime, timedelta
from pathlib import Path
import {MODULE} as fl

@fl.task(cache=fl.Cache("1"))
def counted(x: float, log: str) -> float:
    with open(log, "a") as f:
        f.write("ran ")
    return x * 2

@fl.task
def written(text: str) -> fl.FlyteFile:
    path = Path(fl.current_context().working_directory, "file.txt")
    path.write_text(text)
    return fl.FlyteFile(str(path))

@fl.task(cache=True, cache_version="1")
def length(file: fl.FlyteFile, log: str) -> int:
    with open(log, "a") as f:
        f.write("read ")
    return len(Path(file).read_text())

@fl.task(secret_requests=[fl.Secret(group="group", key="key")])
def shows(x: float) -> str:
    secrets = fl.current_context().secrets
    assert secrets.get("group", "key") == "of a variable"
    assert secrets.get("service", "token") == "of a connection"
    assert secrets.get("service", "password") == "secret"
    fl.Deck("numbers", f"<b>{{x}}</b>")
    return fl.current_context().execution_id.name

@fl.task(retries=2)
def fails(x: float) -> int:
    raise ValueError("broken")

@fl.workflow
def kept(x: float, log: str) -> str:
    length(file=written(text="text"), log=log)
    return shows(x=counted(x=x, log=log))

@fl.workflow
def failing(x: float = 1.0) -> int:
    return fails(x=x)

@fl.task
def day_of(at: datetime) -> str:
    return at.date().isoformat()

@fl.workflow
def daily(at: datetime, name: str = "a", times: int = 1) -> str:
    return day_of(at=at)

fl.LaunchPlan.get_or_create(
    daily, "every_day", default_inputs={{"name": "b"}}, fixed_inputs={{"times": 2}},
    schedule=fl.CronSchedule(schedule="0 6 * * *", kickoff_time_input_arg="at"),
)
fl.LaunchPlan.get_or_create(failing, "hourly", schedule=fl.FixedRate(timedelta(hours=1)))
"""


@pytest.fixture
def dags(tmp_path):
    folder = tmp_path / "dags"
    folder.mkdir()
    return dags_in(folder, program=PROGRAM)


ENTRY = f"""
import {MODULE} as fl

@fl.task
def counted(x: int, log: str) -> int:
    with open(log, "a") as f:
        f.write("ran ")
    return x * 2

@fl.dynamic(cache=fl.Cache("1", ignored_inputs=("note",)))
def entry(x: int, log: str, note: str = "a") -> int:
    return counted(x=x, log=log)
"""


def run(dag, conf=None):
    with quickly():
        return run_dag(dag, conf)


def test_a_cached_task_runs_once_and_a_deck_is_metadata(dags, tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW_VAR_GROUP_KEY", "of a variable")
    connection = '{"conn_type": "http", "password": "secret", "extra": {"token": "of a connection"}}'
    monkeypatch.setenv("AIRFLOW_CONN_SERVICE", connection)
    log = tmp_path / "log"
    # An integer of the configuration is a float where one is declared.
    runs = [run(dags["kept"], {"x": 2, "log": str(log)}) for _ in range(2)]
    assert [each.state for each in runs] == ["success"] * 2
    assert [each.xcom("kept.result") for each in runs] == [each.run_id for each in runs]
    # A file counts by its content: each run writes it to another place.
    assert sorted(log.read_text().split()) == ["ran", "read"]
    metadata = [
        document
        for task_id in runs[0].dag.task_ids
        for document in runs[0].xcoms(task_id, "output_metadata").values()
    ]
    assert "deck: numbers" in str(metadata)
    assert "<b>4.0</b>" in str(metadata)


def test_an_error_that_is_not_recoverable_is_not_retried(dags):
    failed = run(dags["failing"])
    assert failed.state == "failed"
    (node,) = [
        ti
        for ti in failed.dag_run.get_task_instances()
        if ti.task_id == "failing.fails" and ti.map_index == 0
    ]
    assert (str(node.state), node.try_number, node.max_tries) == ("failed", 1, 2)


def test_a_launch_plan_is_a_dag_with_its_inputs_and_schedule(dags):
    assert set(dags) == {"kept", "failing", "daily", "every_day", "hourly"}
    plan = dags["every_day"]
    assert plan.params.dump() == {"name": "b"}
    assert (plan.schedule, plan.catchup) == ("0 6 * * *", False)
    assert str(dags["hourly"].schedule) == "1:00:00"
    assert dags["daily"].schedule is None
    finished = run(plan)
    assert finished.xcom("daily.result") == finished.dag_run.run_after.date().isoformat()


def test_a_cached_dynamic_plans_nothing_the_second_time(tmp_path):
    folder, log = tmp_path / "dags", tmp_path / "log"
    folder.mkdir()
    dag = dags_in(folder, program=ENTRY)["entry"]
    # The note is ignored.
    runs = [run(dag, {"x": 3, "log": str(log), "note": note}) for note in "ab"]
    assert [each.xcom("entry.result") for each in runs] == [6, 6]
    assert log.read_text() == "ran "


INNER = f"""
import os
import {MODULE} as fl

@fl.task
def counted(x: int, log: str) -> int:
    with open(log, "a") as f:
        f.write("ran ")
    return x * 2

@fl.task
def may_fail(x: int, flag: str) -> int:
    if os.path.exists(flag):
        raise ValueError("broken")
    return x

@fl.dynamic(cache=fl.Cache("1", ignored_inputs=("log",)))
def inner(x: int, log: str) -> list[int]:
    return [counted(x=x, log=log), counted(x=x + 1, log=log)]

@fl.workflow
def outer(x: int, log: str, flag: str) -> list[int]:
    made = inner(x=x, log=log)
    may_fail(x=made[0], flag=flag)
    return made
"""


def test_a_cached_dynamic_that_another_body_calls_is_kept_when_the_whole_has_ended(tmp_path):
    folder, log, flag = tmp_path / "dags", tmp_path / "log", tmp_path / "flag"
    folder.mkdir()
    flag.touch()
    dag = dags_in(folder, program=INNER)["outer"]
    conf = {"x": 1, "log": str(log), "flag": str(flag)}
    assert run(dag, conf).state == "failed"
    assert log.read_text() == "ran ran "
    flag.unlink()
    assert run(dag, conf).xcom("outer.result") == [2, 4]
    # The failed run has kept it, and the second has planned nothing.
    assert log.read_text() == "ran ran "
    assert run(dag, {**conf, "x": 2}).xcom("outer.result") == [4, 6]
