"""Measure each answer of the pages' server, for 100,000 keys in five tasks and for 10,000 keys in fifty.

Airflow's API server answers in this process, from a PostgreSQL of its own. Airflow's list of mapped task
instances is measured beside them. Each line shows the time of an answer alone, its queries, the rows that the
database sent, the size of the answer, and the memory that the process needed in addition.

Then an API server of its own answers four viewers, each of whom looks at the matrix and the numbers as often
as the pages do. The last lines show how long another user waits for a small answer of Airflow meanwhile.

``python benchmarks/pages.py 1000x5 2000x50`` measures other runs, of at least 1,000 keys.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SIZES = ("100000x5", "10000x50")
REPEATS = 3

VIEWERS = 4
#: The seconds between two looks of a page, and the number of times that the other user asks.
PAUSE, ASKED = 2, 50

# The address of the database, for the process that measures.
DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"

sys.path.insert(0, str(Path(__file__).parent.parent))

# The keys in the names of `tests.large_run`.
OF = "customers.result"
PRODUCER = "customers"


def make_dag(dag_id, columns):
    """Return a Dag of one dynamic output and some tasks for each of its keys."""
    from airflow.sdk import dag, task

    from airflow_dynamic_provider import DynamicOut

    @task.dynamic(out=DynamicOut(str))
    def customers():
        return []

    @task
    def work(value):
        return value

    @dag(dag_id=dag_id, schedule=None)
    def many():
        def each(value):
            for name in columns:
                value = work.override(task_id=name)(value)

        customers().map(each)

    return many()


class Meter:
    """Counts the queries of this process and the rows that they return, and measures its memory."""

    def __init__(self):
        from airflow.settings import engine
        from sqlalchemy import event

        self.begin()
        event.listen(engine, "after_cursor_execute", self._note)
        threading.Thread(target=self.watch, daemon=True).start()

    def _note(self, connection, cursor, statement, *others):
        self.queries += 1
        self.rows += max(cursor.rowcount, 0) if statement.lstrip()[:6] == "SELECT" else 0

    def begin(self):
        """Begin to count."""
        self.queries = self.rows = 0
        self.before = self.peak = _memory()

    def watch(self):
        """Look at the memory now and then. It runs in a thread of its own."""
        while True:
            self.peak = max(self.peak, _memory())
            time.sleep(0.01)

    @property
    def megabytes(self):
        """The memory since `begin`, at its peak."""
        return (self.peak - self.before) / 1024


def _memory():
    """Return the memory of this process, in KiB."""
    (found,) = re.findall(r"VmRSS:\s*(\d+)", Path("/proc/self/status").read_text())
    return int(found)


def measure(meter, name, ask):
    """Print a line about an answer."""
    taken = []
    for _ in range(1 + REPEATS):
        meter.begin()
        started = time.perf_counter()
        answer = ask()
        taken.append(time.perf_counter() - started)
        assert answer.status_code == 200, answer.text
        if taken[-1] > 10:
            break
    seconds = statistics.median(taken[1:] or taken)
    size = len(answer.content)
    print(
        f"  {name:48}{seconds:8.2f} s{meter.queries:6} queries{meter.rows:9} rows"
        f"{size / 1024:9.0f} KiB{meter.megabytes:7.0f} MiB",
        flush=True,
    )
    return answer


def cases(server, dag_id, columns):
    """Yield the name of each case, and what asks for its answer."""
    run = f"/dags/{dag_id}/runs/large"
    keys = f"{run}/keys"
    matrix = {
        "first page of the matrix": {},
        "page in the middle": {"offset": 5000},
        "sorted by key": {"sort": "key", "descending": True},
        "sorted by duration": {"sort": "duration", "descending": True},
        "sorted by state": {"sort": "state"},
        "search of few": {"search": "0777"},
        "search of many": {"search": "7"},
        "only failed": {"state": "failed"},
        "only succeeded, by duration": {"state": "success", "sort": "duration"},
    }
    for name, parameters in matrix.items():
        yield name, functools.partial(server.get, keys, of=OF, **parameters)
    yield "outputs of the run", functools.partial(server.get, f"{run}/outputs")
    yield "outputs of the Dag", functools.partial(server.get, f"/dags/{dag_id}/outputs")
    yield "metadata of keys", functools.partial(server.get, f"{run}/keys-metadata", of=OF)
    one = json.dumps(["customer_00777"])
    yield "metadata of one key", functools.partial(server.get, f"{run}/keys-metadata", of=OF, key=one)
    yield "a task instance", functools.partial(server.get, f"{run}/task-instances/{columns[1]}/777")
    yield "history", functools.partial(server.get, f"/dags/{dag_id}/history", of=OF)
    yield "history, search", functools.partial(server.get, f"/dags/{dag_id}/history", of=OF, search="0777")
    yield "numbers", functools.partial(server.get, f"/dags/{dag_id}/numbers", of=OF)
    yield "numbers of one key", functools.partial(server.get, f"/dags/{dag_id}/numbers", of=OF, key=one)
    for name, wanted in {
        "what clearing one key runs again": {"keys": [["customer_00777"]]},
        "what clearing all failed runs again": {"state": "failed"},
        "what clearing the list runs again": {"lister": True},
    }.items():
        yield name, functools.partial(server.post, f"{run}/clearing", {"of": OF, **wanted})
    yield "export of states", functools.partial(server.get, f"{run}/export", of=OF)
    yield "export of metadata", functools.partial(server.get, f"{run}/export", of=OF, what="metadata")


def measure_size(keys, count):
    """Write a run, and print the lines about it."""
    from airflow.utils.session import create_session

    from tests.api_server import ApiServer
    from tests.dag_runs import register
    from tests.large_run import write_large_run, write_metadata

    dag_id = f"many_{keys}_{count}"
    columns = [f"task_{number:02}" for number in range(count)]
    register(make_dag(dag_id, columns))
    with create_session() as session:
        write_large_run(session, dag_id, PRODUCER, columns, keys)
        # A server that has been up for a while has statistics of its tables. With those of empty tables, it
        # would look through all task instances for each XCom.
        session.connection().exec_driver_sql("ANALYZE")
        write_metadata(session, dag_id, PRODUCER, columns, keys)
        session.connection().exec_driver_sql("ANALYZE")
    server, meter = ApiServer(), Meter()
    print(f"{keys} keys in {count} tasks")
    airflow = f"/api/v2/dags/{dag_id}/dagRuns/large/taskInstances/{columns[0]}/listMapped?limit=100"
    peer = functools.partial(server.client.get, airflow, headers=server.headers("admin"))
    measure(meter, "Airflow: 100 clones of one task", peer)
    for name, ask in cases(server, dag_id, columns):
        measure(meter, name, ask)
    with only_api_server() as url:
        measure_beside_viewers(url, dag_id)


@contextlib.contextmanager
def only_api_server():
    """Start an API server that lets everybody in, beside the database, and yield its address."""
    from tests.live.local_airflow import COMPONENTS, LocalAirflow

    home, address = Path(os.environ["AIRFLOW_HOME"]), os.environ[DATABASE]
    others = COMPONENTS.keys() - {"api-server"}
    with LocalAirflow(
        home / "server", home, settings={DATABASE: address}, without=others
    ).running() as airflow:
        yield airflow.url


def measure_beside_viewers(url, dag_id):
    """Print how long a small answer of Airflow takes, alone and while others look at the pages."""
    from tests.live.rest_client import RestClient

    ended = threading.Event()
    pages = [f"/dynamic-outputs/dags/{dag_id}/runs/large/keys", f"/dynamic-outputs/dags/{dag_id}/numbers"]

    def look():
        with contextlib.closing(RestClient(url)) as client:
            while not ended.wait(PAUSE):
                for page in pages:
                    client.get(page, of=OF)

    with contextlib.closing(RestClient(url)) as client:
        print_waits("Airflow: the Dag, alone", client, dag_id)
        viewers = [threading.Thread(target=look) for _ in range(VIEWERS)]
        for viewer in viewers:
            viewer.start()
        print_waits(f"Airflow: the Dag, beside {VIEWERS} viewers", client, dag_id)
        ended.set()
        for viewer in viewers:
            viewer.join()


def print_waits(name, client, dag_id):
    """Ask again and again, and print the median and the longest time."""
    taken = []
    for _ in range(1 + ASKED):
        started = time.perf_counter()
        client.get(f"/api/v2/dags/{dag_id}")
        taken.append(time.perf_counter() - started)
        time.sleep(PAUSE / 10)
    # The first request of a process imports much.
    taken = taken[1:]
    print(f"  {name:48}{statistics.median(taken):8.2f} s, {max(taken):.2f} s at most", flush=True)


def measure_all(sizes):
    """Print the figures of each size."""
    from airflow.utils.db import initdb

    initdb()
    for size in sizes:
        measure_size(*map(int, size.split("x")))


def start(sizes):
    """Start a database, and measure in a process that has its address from the beginning."""
    from tests.live.local_postgres import local_postgres

    with tempfile.TemporaryDirectory(prefix="airflow-pages-") as home, local_postgres() as address:
        settings = {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            DATABASE: address,
        }
        subprocess.run([sys.executable, __file__, *sizes], env={**os.environ, **settings}, check=True)


if __name__ == "__main__":
    measures = measure_all if DATABASE in os.environ else start
    measures(sys.argv[1:] or SIZES)
