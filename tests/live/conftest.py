"""A real Airflow on SQLite for the live tests, with the examples. Those in `postgres` have another one.

With ``LIVE_DATABASE=postgresql`` it is on PostgreSQL, where many runs at the same time do not wait for one
lock.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.flyte import running as flyte
from tests.live import local_airflow
from tests.live.local_airflow import LocalAirflow
from tests.live.local_postgres import local_postgres
from tests.live.rest_client import RestClient
from tests.live.shared_runs import SharedRuns
from tests.marking import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DAGS = ROOT / "dags"
#: The plugin that writes what a task process imports, and the file that it writes.
PROBE = ROOT / "benchmarks" / "probe" / "probe.py"
PROBED = "probe.jsonl"
#: The workflows of programs for Flyte that run here: (program, workflow) pairs.
FLYTE_WORKFLOWS = flyte.chosen(os.environ.get("FLYTE_PROGRAMS", "working_files"))
#: Seconds. No test changes a Dag file, and reading all of them again and again would keep a processor busy.
NEVER = "86400"
#: What the Airflows of the tests have beside their own settings.
SETTINGS = {
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": NEVER,
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": NEVER,
    # A round of the scheduler takes as much processor time when there is nothing to do.
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.5",
    # Airflow's own. Less would take more requests, and here nobody waits for a heartbeat.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "5",
    # Only the runs that the tests start.
    "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
    "PYTHONPATH": str(ROOT),
}
LOCAL_SETTINGS = f"""\
from tests import quick_database, quick_server, quick_supervisor, quick_triggerer

quick_database.install()
quick_server.install()
quick_supervisor.install()
quick_triggerer.install()
{local_airflow.LOCAL_SETTINGS}"""
#: Seconds that a test may take on a busy machine, with the runs of all tests of its module.
PATIENCE = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    mark(items, HERE, "live")
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(PATIENCE))


@contextlib.contextmanager
def database() -> Iterator[dict[str, str]]:
    """The settings of the database that was asked for."""
    if os.environ.get("LIVE_DATABASE") == "postgresql":
        with local_postgres() as address:
            yield {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address}
    else:
        yield {}


# No longer than these tests, because an Airflow that nobody uses still takes processor time from the others.
@pytest.fixture(scope="package")
def airflow() -> Iterator[LocalAirflow]:
    """A running Airflow: API server, scheduler with the LocalExecutor, Dag processor, triggerer."""
    folder = Path(tempfile.mkdtemp(prefix="airflow-live-"))
    shutil.copytree(DAGS, folder / "dags")
    shutil.copytree(HERE / "dags", folder / "dags", dirs_exist_ok=True)
    for name in {program for program, _ in FLYTE_WORKFLOWS}:
        (folder / "dags" / f"{name.replace('/', '_')}.py").write_text(flyte.source_of(name), encoding="utf-8")
    # A triggerer imports triggers by their names.
    shutil.copytree(PROBE.parent, folder / "home" / "plugins")
    try:
        with database() as of_database:
            made = LocalAirflow(
                folder / "home",
                folder / "dags",
                settings={**SETTINGS, **of_database, "PROBE_FILE": str(folder / PROBED)},
                local_settings=LOCAL_SETTINGS,
            )
            with made.running() as started:
                yield started
                started.kill_all()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="package")
def client(airflow: LocalAirflow) -> Iterator[RestClient]:
    """Its REST API."""
    client = RestClient(airflow.url)
    yield client
    client.close()


@pytest.fixture(scope="package")
def shared_runs(client: RestClient) -> SharedRuns:
    """The runs that tests share."""
    return SharedRuns(client)
