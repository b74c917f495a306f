"""The deployment of ``docker/compose.yaml`` for all tests of this folder."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.celery.deployment import Deployment
from tests.live.rest_client import RestClient
from tests.marking import mark

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
DAGS = HERE / "dags"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    mark(items, HERE, "celery")


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """Everything that the file names, with two workers."""
    folder = Path(tempfile.mkdtemp(prefix="airflow-celery-"))
    try:
        with Deployment(folder, DAGS).running() as started:
            yield started
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def client(deployment: Deployment) -> Iterator[RestClient]:
    """Its REST API."""
    client = RestClient(deployment.url)
    yield client
    client.close()
