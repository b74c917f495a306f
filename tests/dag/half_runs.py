"""A Dag run that stops in its middle, and what a release has stored of it until then.

``python -m tests.dag.half_runs`` writes the file of the current form if it is not there. It is never changed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task

# Gives Airflow a home of its own, where this is run as a program.
import tests.conftest
from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    Out,
    Output,
    add_output_metadata,
    dynamic_workflow,
    map_task,
)
from tests.dag_runs import KeptRun, start_run

#: What each form was, the current one last.
FOLDER = Path(__file__).parent / "stored"
FILES = [FOLDER / form / "half_run.json" for form in ("1", "2")]
FILE = FILES[-1]

#: The task instances that run in the second half.
SECOND_HALF = {("work", 2), ("items", 1), ("pay", 0), ("search.score", 1), ("report", -1)}

EXPECTED = {
    "sums": {"a": "a=1", "b": "b=2", "c": "c=3"},
    "items": ["a0", "b0", "b1", "c0", "c1", "c2"],
    "paid": {"a": 10, "c": 90},
    "search": {"scores": [10, 20], "total": 30, "deep": [2, 3]},
}


@task.dynamic(out={"result": DynamicOut(int), "count": Out(int)})
def produce():
    for number, key in enumerate("abc", 1):
        yield DynamicOutput(number, key, metadata={"number": number})
    yield Output(3, "count")


@task
def work(number, mapping_key=None):
    add_output_metadata({"worked on": number})
    return f"{mapping_key}={number}"


@task.dynamic(out=DynamicOut(str))
def items(number, mapping_key=None):
    for index in range(number):
        yield DynamicOutput(f"{mapping_key}{index}", str(index))


@task.dynamic(out=DynamicOut(int))
def prices():
    yield DynamicOutput(10, "a", metadata={"price": 10})
    yield DynamicOutput(30, "c")


@task
def pay(number, price):
    return number * price


@task
def same(value):
    return value


@task
def score(number):
    return number * 10


@task
def add_up(numbers):
    return sum(numbers)


@task
def following(number):
    return number + 1


@dynamic_workflow
def deeper(total: int) -> list[int]:
    return map_task(following)([1, 2])


@dynamic_workflow
def search(count: int) -> dict[str, Any]:
    scores = [score(number) for number in range(1, count)]
    total = add_up(scores)
    return {"scores": scores, "total": total, "deep": deeper(total)}


@task
def report(sums, parts, paid, found):
    return {"sums": sums, "items": parts, "paid": paid, "search": found}


@dag(schedule=None)
def half_run():
    outputs = produce()
    sums = outputs.result.map(work).collect(keyed=True)
    parts = outputs.result.map(items).map(same).collect()
    paid = outputs.result.zip(prices()).map(pay).collect(keyed=True)
    report(sums, parts, paid, search(outputs.count))


def run_first_half() -> KeptRun:
    """Run all that does not wait for the task instances of the second half."""
    run = start_run(half_run())
    while True:
        scheduled = run._schedule()
        assert scheduled is not None, "the run has ended"
        now = [ti for ti in scheduled if (ti.task_id, ti.map_index) not in SECOND_HALF]
        if not now and not run._look_for_waiting_nodes():
            return run
        for ti in now:
            run._execute(ti)
            assert run.errors[ti.task_id, ti.map_index] is None


def read_xcoms(run: KeptRun) -> list[list[Any]]:
    """Return all that a run has stored: task, map index, key, value."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    with create_session() as session:
        rows = session.query(XComModel).filter_by(dag_id=run.dag.dag_id, run_id=run.run_id)
        return sorted([row.task_id, row.map_index, row.key, row.value] for row in rows)


def replace_xcoms(run: KeptRun, stored: list[list[Any]]) -> None:
    """Have a run have stored something else."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    of_run = {"dag_id": run.dag.dag_id, "run_id": run.run_id}
    with create_session() as session:
        session.query(XComModel).filter_by(**of_run).delete()
        for task_id, map_index, key, value in stored:
            session.add(
                XComModel(
                    **of_run,
                    dag_run_id=run.dag_run.id,
                    task_id=task_id,
                    map_index=map_index,
                    key=key,
                    value=value,
                )
            )


def _write_missing() -> None:
    from airflow.utils.db import initdb

    initdb()
    stored = read_xcoms(run_first_half())
    if not FILE.exists():
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_text("[\n" + ",\n".join(json.dumps(each) for each in stored) + "\n]\n")


if __name__ == "__main__":
    _write_missing()
    tests.conftest.pytest_unconfigure()
