"""A real Airflow on PostgreSQL, below a path. It ends before the other live tests begin."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.live.conftest import LOCAL_SETTINGS, SETTINGS
from tests.live.local_airflow import LocalAirflow
from tests.live.local_postgres import local_postgres
from tests.live.postgres.file_xcom_backend import FOLDER, FileXCom
from tests.live.rest_client import RestClient

if TYPE_CHECKING:
    from collections.abc import Iterator

POSTGRES_DAGS = Path(__file__).parent / "dags"
#: The path below which its API server answers, as behind a proxy that several Airflows share.
PATH = "/team-a"


# Two Airflows at the same time would take each other's processors.
@pytest.fixture(scope="package")
def postgres() -> Iterator[RestClient]:
    """Its REST API. An XCom backend keeps one Dag's values in files."""
    folder = Path(tempfile.mkdtemp(prefix="airflow-postgres-"))
    (folder / "xcom").mkdir()
    try:
        with local_postgres() as address:
            settings = {
                **SETTINGS,
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address,
                "AIRFLOW__CORE__XCOM_BACKEND": f"{FileXCom.__module__}.{FileXCom.__name__}",
                FOLDER: str(folder / "xcom"),
            }
            # Nothing of these Dags waits in a triggerer.
            made = LocalAirflow(
                folder / "home",
                POSTGRES_DAGS,
                settings=settings,
                local_settings=LOCAL_SETTINGS,
                path=PATH,
                without=("triggerer",),
            )
            with made.running() as started:
                client = RestClient(started.url)
                yield client
                client.close()
                started.kill_all()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
