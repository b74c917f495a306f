"""Measure the time for a page of 10,000 keys in five tasks, beside Airflow's list of mapped task instances.

Airflow's API server answers both requests in this process, from the same SQLite database.
"""

from __future__ import annotations

import functools
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

KEYS = 10_000
REPEATS = 7
TASKS = ["first", "second", "third", "fourth", "fifth"]

home = Path(tempfile.mkdtemp(prefix="airflow-pages-"))
os.environ |= {
    "AIRFLOW_HOME": str(home),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
}
sys.path.insert(0, str(Path(__file__).parent.parent))


def make_dag():
    """Return a Dag of one dynamic output and five tasks for each of its keys."""
    from airflow.sdk import dag, task

    from airflow_dynamic_provider import DynamicOut

    @task.dynamic(out=DynamicOut(str))
    def customers():
        return []

    @task
    def work(value):
        return value

    @dag(schedule=None)
    def many():
        def each(value):
            for name in TASKS:
                value = work.override(task_id=name)(value)

        customers().map(each)

    return many()


def measure(ask):
    """Return the median time of an answer, in seconds."""
    ask()
    taken = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        answer = ask()
        taken.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer.text
    return statistics.median(taken)


def list_again(session):
    """Make the second try of the producing task list the keys, before the clones started."""
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import update

    from tests.large_run import STARTED

    producing = update(TaskInstance).where(TaskInstance.task_id == "customers")
    session.execute(producing.values(try_number=2, end_date=STARTED))


def main():
    """Measure, and print the times."""
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    from tests.api_server import ApiServer
    from tests.dag_runs import register
    from tests.large_run import write_large_run

    initdb()
    register(make_dag())
    with create_session() as session:
        write_large_run(session, "many", "customers", TASKS, KEYS)
    server = ApiServer()
    run = "/dags/many/runs/large"
    headers = server.headers("admin")
    airflow = "/api/v2/dags/many/dagRuns/large/taskInstances/first/listMapped?limit=100"
    peer = measure(lambda: server.client.get(airflow, headers=headers))
    print(f"{'Airflow: 100 clones of one task':55}{peer * 1000:8.0f} ms")
    cases = {
        "first page of the matrix, 50 keys x 5 tasks": {},
        "page 150": {"offset": 7500},
        "sorted by duration": {"sort": "duration", "descending": True},
        "search": {"search": "0777"},
        "only failed": {"state": "failed"},
    }
    for name, parameters in cases.items():
        ask = functools.partial(server.get, f"{run}/keys", of="customers.result", **parameters)
        own = measure(ask)
        print(f"{name:55}{own * 1000:8.0f} ms{own / peer:8.2f} x")
    with create_session() as session:
        list_again(session)
    own = measure(lambda: server.get(f"{run}/keys", of="customers.result"))
    print(f"{'first page, after a retry of the producing task':55}{own * 1000:8.0f} ms{own / peer:8.2f} x")
    own = measure(lambda: server.get(f"{run}/outputs"))
    print(f"{'what there is in the run':55}{own * 1000:8.0f} ms{own / peer:8.2f} x")


if __name__ == "__main__":
    main()
