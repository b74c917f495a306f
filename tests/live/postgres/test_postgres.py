"""An Airflow on PostgreSQL, which reorders JSON objects and enforces the maximum length of labels."""

from __future__ import annotations

import re
import runpy
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from airflow_dynamic_provider.definitions.keys import render_label
from airflow_dynamic_provider.execution.layout import METADATA_XCOM, StoredMetadata
from tests.chromium import chromium
from tests.live.postgres.conftest import PATH, POSTGRES_DAGS
from tests.live.postgres.file_xcom_backend import DAG_ID as BY_REFERENCE
from tests.live.postgres.file_xcom_backend import PREFIX, read
from tests.live.window import Window, rows_of

if TYPE_CHECKING:
    from tests.live.rest_client import RestClient

DAG = runpy.run_path(str(POSTGRES_DAGS / "storage.py"))
PLAINLY, LONG_LABELS = "stored_plainly", "long_labels"


@pytest.fixture(scope="module")
def runs(postgres: RestClient) -> dict[str, str]:
    """Dag -> its run. All run at the same time."""
    return {dag_id: postgres.trigger(dag_id) for dag_id in (PLAINLY, BY_REFERENCE, LONG_LABELS)}


def test_keys_values_and_metadata_come_back_as_they_were(postgres: RestClient, runs: dict[str, str]) -> None:
    """Values are in order, complete and labelled, also with a backend that stores only references."""
    for dag_id in (PLAINLY, BY_REFERENCE):
        _wait(postgres, dag_id, runs[dag_id])
        _check(postgres, dag_id, runs[dag_id], DAG["KEYS"])
        postgres.clear(dag_id, runs[dag_id], "produce")
    for dag_id in (PLAINLY, BY_REFERENCE):
        _wait(postgres, dag_id, runs[dag_id])
        _check(postgres, dag_id, runs[dag_id], DAG["KEYS_OF_RETRY"])


def test_the_labels_of_long_key_paths_are_cut_and_the_keys_are_not(
    postgres: RestClient, runs: dict[str, str]
) -> None:
    """PostgreSQL refuses a label of more than 250 characters. SQLite accepts it."""
    run_id = runs[LONG_LABELS]
    _wait(postgres, LONG_LABELS, run_id)
    outer_keys, inner_keys = DAG["LONG_KEYS"], DAG["INNER_KEYS"]
    assert postgres.xcom(LONG_LABELS, run_id, "keep_nested") == [
        [outer, [[inner, (outer[-1] + inner[0]).upper()] for inner in inner_keys]] for outer in outer_keys
    ]
    labels = [ti.label or "" for ti in postgres.task_instances(LONG_LABELS, run_id) if ti.task_id == "upper"]
    assert labels == [render_label((outer, inner)) for outer in outer_keys for inner in inner_keys]
    assert len(set(labels)) == len(labels)
    assert {len(label) for label in labels} == {len("short/ß"), 250}


def test_the_pages_work_below_a_path(postgres: RestClient, runs: dict[str, str]) -> None:
    run_id = runs[PLAINLY]
    _wait(postgres, PLAINLY, run_id)
    with chromium() as browser:
        window = Window(browser, postgres.url)
        frame = window.open_run(PLAINLY, run_id)
        expect(rows_of(frame).first).to_be_visible()
        rows_of(frame).first.locator("td a").first.click()
        link = rf"{PATH}/dags/{PLAINLY}/runs/.*/tasks/describe/mapped/0"
        window.page.wait_for_url(re.compile(link))
        window.close()


def _wait(postgres: RestClient, dag_id: str, run_id: str) -> None:
    assert postgres.wait(dag_id, run_id) == "success", postgres.task_instances(dag_id, run_id)


def _check(postgres: RestClient, dag_id: str, run_id: str, keys: list[str]) -> None:
    value_of = DAG["value_of"]
    described = [{"key": key, "value": value_of(key)} for key in keys]
    assert _stored(postgres, dag_id, run_id, "keep") == [
        described,
        [list(item) for item in zip(keys, described, strict=True)],
        [[key, value_of(key)] for key in keys],
    ]
    clones = [ti for ti in postgres.task_instances(dag_id, run_id) if ti.task_id == "describe"]
    alive = [ti for ti in clones if ti.state != "removed"]
    assert [(ti.label, ti.state) for ti in alive] == [(key, "success") for key in keys]
    for ti, key in zip(alive, keys, strict=True):
        stored = _stored(postgres, dag_id, run_id, "describe", key=METADATA_XCOM, map_index=ti.map_index)
        metadata = StoredMetadata.unpack(stored)
        assert metadata.key_path == (key,)
        assert metadata.outputs["result"]["key"].value == key
        assert metadata.inherited["size"].value == len(key)
        assert metadata.inherited["raw"].value == {"b": 1, "a": [None]}
    _check_pages(postgres, dag_id, run_id, keys)


def _check_pages(postgres: RestClient, dag_id: str, run_id: str, keys: list[str]) -> None:
    """The pages show the same with any XCom backend."""
    run = f"/dynamic-outputs/dags/{dag_id}/runs/{quote(run_id)}"
    (of,) = (space["of"] for space in postgres.get(f"{run}/outputs")["spaces"])
    page = postgres.get(f"{run}/keys", of=of)
    assert [(row["key"], row["state"]) for row in page["rows"]] == [(key, "success") for key in keys]
    assert not any(cell["is_stale"] for row in page["rows"] for cell in row["cells"].values())
    assert page["counts"] == {"success": len(keys)}
    last = len(keys) - 1
    instance = postgres.get(f"{run}/task-instances/describe/{last}")
    assert instance["key"] == keys[last]
    assert {meta["label"]: meta["value"] for meta in instance["inherited"]}["size"] == len(keys[last])
    history = postgres.get(f"/dynamic-outputs/dags/{dag_id}/history", of=of)
    assert [row["key"] for row in history["rows"]] == keys
    numbers = postgres.get(f"/dynamic-outputs/dags/{dag_id}/numbers", of=of)["labels"]
    (sizes,) = (each["series"] for each in numbers if each["label"] == "size")
    assert sizes[0] == {"name": "minimum", "values": [min(map(len, keys))]}


def _stored(
    postgres: RestClient,
    dag_id: str,
    run_id: str,
    task_id: str,
    *,
    key: str = "return_value",
    map_index: int = -1,
) -> Any:
    value = postgres.xcom(dag_id, run_id, task_id, key=key, map_index=map_index)
    if dag_id == BY_REFERENCE:
        assert value.startswith(PREFIX)
        return read(value)
    return value
