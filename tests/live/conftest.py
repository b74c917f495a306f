"""One real Airflow for all live tests, with the examples and the Dags beside this file."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.live.local_airflow import LocalAirflow
from tests.live.rest_client import RestClient

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
DAGS = HERE.parent.parent / "dags"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session")
def airflow() -> Iterator[LocalAirflow]:
    """A running Airflow: API server, scheduler with the LocalExecutor, Dag processor, triggerer."""
    folder = Path(tempfile.mkdtemp(prefix="airflow-live-"))
    shutil.copytree(DAGS, folder / "dags")
    shutil.copytree(HERE / "dags", folder / "dags", dirs_exist_ok=True)
    try:
        with LocalAirflow(folder / "home", folder / "dags").running() as started:
            yield started
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def client(airflow: LocalAirflow) -> Iterator[RestClient]:
    """Its REST API."""
    client = RestClient(airflow.url)
    yield client
    client.close()
