"""Batches on a real Airflow: each key has its own state and its own tries, whoever is killed."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord, StoredChunk, chunk_xcom
from tests.chromium import chromium
from tests.live.conftest import HERE
from tests.live.window import Window

if TYPE_CHECKING:
    from tests.live.local_airflow import LocalAirflow
    from tests.live.rest_client import RestClient

DAG_ID = "batched"
DAG = runpy.run_path(str(HERE / "dags" / "batched.py"))
FIRST_BATCH = "n00000 … n00399 (400)"
#: The positions of the batch whose process is killed.
KILLED_BATCH = range(DAG["SIZE"], 2 * DAG["SIZE"])


@pytest.fixture(scope="module")
def runs(client: RestClient) -> dict[str, str]:
    """Which tries are killed -> a run that has ended."""
    runs = {"first": client.trigger(DAG_ID), "all": client.trigger(DAG_ID, {"always": True})}
    for run_id in runs.values():
        assert client.wait(DAG_ID, run_id) == "success"
    return runs


def test_a_killed_or_failed_key_is_the_only_one_that_runs_again(
    client: RestClient, runs: dict[str, str]
) -> None:
    run_id = runs["first"]
    failed = DAG["FAILED"]
    expected = [2 * number**2 for number in range(DAG["COUNT"]) if number != failed]
    assert client.xcom(DAG_ID, run_id, "total") == [len(expected), sum(expected)]
    assert client.xcom(DAG_ID, run_id, "count_states") == {
        "success": len(expected),
        "upstream_failed": 1,
    }
    labels = {(ti.label, ti.state) for ti in client.task_instances(DAG_ID, run_id) if ti.task_id == "square"}
    assert labels == {
        (FIRST_BATCH, "failed"),
        ("n00400 … n00799 (400)", "success"),
        ("n00800 … n01199 (400)", "success"),
    }
    tries = {number: record.tries for number, record in _records(client, run_id).items()}
    assert tries.pop(failed) == 2
    repeated = {number for number, count in tries.items() if count > 1}
    # Those that failed in the first try; of those before the kill, none is repeated.
    assert repeated == set(DAG["FAILING"]) - {failed}


def test_keys_that_ended_before_the_last_kill_go_on(client: RestClient, runs: dict[str, str]) -> None:
    lost = {DAG["FAILED"], *(number for number in KILLED_BATCH if number >= DAG["KILLED"])}
    expected = [2 * number**2 for number in range(DAG["COUNT"]) if number not in lost]
    assert client.xcom(DAG_ID, runs["all"], "total") == [len(expected), sum(expected)]
    assert client.xcom(DAG_ID, runs["all"], "count_states") == {
        "success": len(expected),
        "upstream_failed": len(lost),
    }


@pytest.mark.parametrize("killed", ["first", "all"])
def test_what_keys_produced_before_a_kill_is_kept(
    client: RestClient, runs: dict[str, str], killed: str
) -> None:
    """How much was stored before the kill depends on the speed of the API. The second try adds the rest."""

    def parts(numbers: range, tries: int) -> list[str]:
        filler = DAG["FILLER"]
        return [f"{number}.{part}{filler} in try {tries}" for number in numbers for part in range(number % 3)]

    found = client.xcom(DAG_ID, runs[killed], "keep")
    numbers = {int(each.split(".")[0]): each.endswith("try 2") for each in found}
    end, count = KILLED_BATCH.stop, DAG["COUNT"]
    stop = end if killed == "first" else 1 + max(number for number in numbers if number < end)
    again = min((number for number, is_again in numbers.items() if is_again), default=stop)
    assert KILLED_BATCH.start < again <= DAG["KILLED"] + 1
    assert stop == end or stop <= DAG["KILLED"]
    assert found == [*parts(range(again), 1), *parts(range(again, stop), 2), *parts(range(end, count), 1)]


def test_log_lines_have_their_key_and_failed_keys_a_group(client: RestClient, runs: dict[str, str]) -> None:
    lines = client.log(DAG_ID, runs["first"], "square", map_index=0, try_number=1)
    told = {line["event"]: line.get("mapping_key") for line in lines}
    assert told["squaring 300"] == "n00300"
    groups = [line["event"] for line in lines if line["event"].startswith("::group::Key")]
    assert len(groups) == len(DAG["FAILING"])
    assert "::group::Key 'n00100' failed: ValueError: 100 is bad" in groups[0]


def test_the_failed_keys_of_all_batches_are_cleared_and_nothing_else(
    airflow: LocalAirflow, client: RestClient, runs: dict[str, str]
) -> None:
    """The page plans it, and the command does it. It comes last, because it changes a run."""
    run_id, failed = runs["first"], DAG["FAILED"]
    before = {number: record.tries for number, record in _records(client, run_id).items()}
    named = f"'n{failed:05d}' of {FIRST_BATCH}"
    with chromium() as browser:
        window = Window(browser, airflow.url)
        frame = window.open_run(DAG_ID, run_id)
        frame.get_by_role("button", name="Clear all failed").click()
        expect(frame.get_by_role("dialog").get_by_text(named)).to_be_visible()
        window.close()
    clear = ("clear", DAG_ID, run_id, "--state", "failed")
    assert named in airflow.command(*clear)
    airflow.command(*clear, "--yes")
    assert client.wait(DAG_ID, run_id) == "success"
    expected = [2 * number**2 for number in range(DAG["COUNT"])]
    assert client.xcom(DAG_ID, run_id, "total") == [len(expected), sum(expected)]
    assert client.xcom(DAG_ID, run_id, "count_states") == {"success": len(expected)}
    after = {number: record.tries for number, record in _records(client, run_id).items()}
    assert after == before | {failed: 3}


def _records(client: RestClient, run_id: str) -> dict[int, KeyRecord]:
    found: dict[int, KeyRecord] = {}
    for batch in range(3):
        chunk, is_last = 0, False
        while not is_last:
            stored = StoredChunk.unpack(
                client.xcom(DAG_ID, run_id, "square", key=chunk_xcom(chunk), map_index=batch)
            )
            found |= {record.position: record for record in stored.records}
            chunk, is_last = chunk + 1, stored.is_last
        assert chunk > 1
    return found
