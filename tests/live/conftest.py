"""Two real Airflows for all live tests: one on SQLite, with the examples, and one on PostgreSQL."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.live.file_xcom_backend import FOLDER, FileXCom
from tests.live.local_airflow import LocalAirflow
from tests.live.local_postgres import local_postgres
from tests.live.rest_client import RestClient
from tests.marking import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DAGS = ROOT / "dags"
#: The plugin that writes what a task process imports, and the file that it writes.
PROBE = ROOT / "benchmarks" / "probe" / "probe.py"
PROBED = "probe.jsonl"
POSTGRES_DAGS = HERE / "postgres_dags"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    mark(items, HERE, "live")


@pytest.fixture(scope="session")
def airflow() -> Iterator[LocalAirflow]:
    """A running Airflow: API server, scheduler with the LocalExecutor, Dag processor, triggerer."""
    folder = Path(tempfile.mkdtemp(prefix="airflow-live-"))
    shutil.copytree(DAGS, folder / "dags")
    shutil.copytree(HERE / "dags", folder / "dags", dirs_exist_ok=True)
    # A triggerer imports triggers by their names.
    shutil.copytree(PROBE.parent, folder / "home" / "plugins")
    settings = {"PYTHONPATH": str(ROOT), "PROBE_FILE": str(folder / PROBED)}
    try:
        with LocalAirflow(folder / "home", folder / "dags", settings=settings).running() as started:
            yield started
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def client(airflow: LocalAirflow) -> Iterator[RestClient]:
    """Its REST API."""
    client = RestClient(airflow.url)
    yield client
    client.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[RestClient]:
    """The REST API of an Airflow on PostgreSQL, with an XCom backend that keeps one Dag's values in files."""
    folder = Path(tempfile.mkdtemp(prefix="airflow-postgres-"))
    (folder / "xcom").mkdir()
    try:
        with local_postgres() as address:
            settings = {
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address,
                "AIRFLOW__CORE__XCOM_BACKEND": f"{FileXCom.__module__}.{FileXCom.__name__}",
                "PYTHONPATH": str(ROOT),
                FOLDER: str(folder / "xcom"),
            }
            with LocalAirflow(folder / "home", POSTGRES_DAGS, settings=settings).running() as started:
                client = RestClient(started.url)
                yield client
                client.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
