"""An Airflow on PostgreSQL: it orders JSON as it likes and holds labels to their length."""

from __future__ import annotations

import runpy
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_dynamic_provider.execution.layout import METADATA_XCOM, StoredMetadata
from tests.live.conftest import HERE
from tests.live.file_xcom_backend import DAG_ID as BY_REFERENCE
from tests.live.file_xcom_backend import FOLDER, PREFIX, FileXCom, read
from tests.live.local_airflow import LocalAirflow
from tests.live.local_postgres import local_postgres
from tests.live.rest_client import RestClient

if TYPE_CHECKING:
    from collections.abc import Iterator

DAGS = HERE / "postgres_dags"
PLAINLY = "stored_plainly"


@pytest.fixture(scope="module")
def client() -> Iterator[RestClient]:
    """The REST API of an Airflow on PostgreSQL, with a custom XCom backend."""
    folder = Path(tempfile.mkdtemp(prefix="airflow-postgres-"))
    (folder / "xcom").mkdir()
    try:
        with local_postgres() as address:
            settings = {
                "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": address,
                "AIRFLOW__CORE__XCOM_BACKEND": f"{FileXCom.__module__}.{FileXCom.__name__}",
                "PYTHONPATH": str(HERE.parent.parent),
                FOLDER: str(folder / "xcom"),
            }
            with LocalAirflow(folder / "home", DAGS, settings=settings).running() as airflow:
                client = RestClient(airflow.url)
                yield client
                client.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_keys_values_and_metadata_come_back_as_they_were(client: RestClient) -> None:
    """In order, complete, labelled; with a backend that stores only references as well."""
    dag = runpy.run_path(str(DAGS / "storage.py"))
    runs = {dag_id: client.trigger(dag_id) for dag_id in (PLAINLY, BY_REFERENCE)}
    for dag_id, run_id in runs.items():
        assert client.wait(dag_id, run_id) == "success", client.task_instances(dag_id, run_id)
        _check(client, dag_id, run_id, dag["KEYS"], dag["value_of"])

    for dag_id, run_id in runs.items():
        client.clear(dag_id, run_id, "produce")
    for dag_id, run_id in runs.items():
        assert client.wait(dag_id, run_id) == "success", client.task_instances(dag_id, run_id)
        _check(client, dag_id, run_id, ["Apfel", "zebra"], dag["value_of"])


def _check(client: RestClient, dag_id: str, run_id: str, keys: list[str], value_of: Any) -> None:
    described = [{"key": key, "value": value_of(key)} for key in keys]
    assert _stored(client, dag_id, run_id, "keep") == [
        described,
        [list(item) for item in zip(keys, described, strict=True)],
        [[key, value_of(key)] for key in keys],
    ]
    clones = [ti for ti in client.task_instances(dag_id, run_id) if ti.task_id == "describe"]
    alive = [ti for ti in clones if ti.state != "removed"]
    assert [(ti.label, ti.state) for ti in alive] == [(key, "success") for key in keys]
    for ti, key in zip(alive, keys, strict=True):
        stored = _stored(client, dag_id, run_id, "describe", key=METADATA_XCOM, map_index=ti.map_index)
        metadata = StoredMetadata.unpack(stored)
        assert metadata.key_path == (key,)
        assert metadata.outputs["result"]["key"].value == key
        assert metadata.inherited["size"].value == len(key)
        assert metadata.inherited["raw"].value == {"b": 1, "a": [None]}


def _stored(
    client: RestClient,
    dag_id: str,
    run_id: str,
    task_id: str,
    *,
    key: str = "return_value",
    map_index: int = -1,
) -> Any:
    value = client.xcom(dag_id, run_id, task_id, key=key, map_index=map_index)
    if dag_id == BY_REFERENCE:
        assert value.startswith(PREFIX)
        return read(value)
    return value
