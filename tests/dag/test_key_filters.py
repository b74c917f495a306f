"""Filters of keys: by error, pattern and metadata; the matrix, downloads and clears act on the same keys."""

from __future__ import annotations

import pytest
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, add_output_metadata
from airflow_dynamic_provider.database import failed_keys, key_labels
from tests.api_server import ApiServer
from tests.dag_runs import start_run

pytestmark = pytest.mark.dag

#: Key -> why it fails, and its size.
KEYS = {
    "north.csv": ("row 17 of /data/n.csv has no column 'price'", 10),
    "south.csv": ("row 4 of /data/south/s.csv has no column 'amount'", 2_000),
    "east.csv": ("timed out", 300),
    "west.json": (None, 40_000),
    "far west.json": (None, None),
}
SIZES = {"gone": 1}


@task.dynamic(out=DynamicOut(str))
def files():
    for name, (_, size) in KEYS.items():
        yield DynamicOutput(name, name, metadata={} if size is None else {"size": size})
    for name in SIZES:
        yield DynamicOutput(name, name)


@task
def load(name):
    error = KEYS.get(name, (None,))[0]
    if error is not None:
        raise ValueError(error)
    add_output_metadata({"rows": len(name)})
    return name


@task
def load_batch(name):
    if KEYS.get(name, (None,))[0] is not None:
        raise ValueError(KEYS[name][0])
    add_output_metadata({"letters": len(name)})
    return name


@dag(schedule=None)
def filtered_files():
    found = files()
    found.map(load)
    found.map(load_batch, batch=4)


@pytest.fixture(scope="module")
def runs(airflow_database, execution_api):
    SIZES.update(gone=1)
    first = start_run(filtered_files()).run()
    SIZES.clear()
    SIZES.update(new=1)
    KEYS["west.json"] = ("is broken", 40_000)
    KEYS["east.csv"] = (None, 300)
    return first, start_run(filtered_files()).run()


@pytest.fixture(scope="module")
def server(airflow_database):
    return ApiServer()


@pytest.fixture
def get(server, runs):
    def get(path, status=200, **parameters):
        path = path.replace("FIRST", runs[0].run_id).replace("RUN", runs[1].run_id)
        answer = server.get(f"/dags/filtered_files/{path}", of="files.result", **parameters)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.headers["content-type"] == "application/json" else answer.text

    return get


def keys(page):
    return [row["key"] for row in page["rows"]]


def test_failed_keys_are_grouped_by_errors_and_a_group_is_a_filter(get):
    found = get("runs/FIRST/errors")
    groups = {(each["task_id"], tuple(each["names"])): each for each in found["groups"]}
    assert {at: each["count"] for at, each in groups.items()} == {
        (task_id, names): len(names)
        for task_id in ("load", "load_batch")
        for names in (("north.csv", "south.csv"), ("east.csv",))
    }
    assert (found["left_out"], found["more_groups"]) == (0, 0)
    group = groups["load_batch", ("north.csv", "south.csv")]
    assert group["error"] == "ValueError: row 17 of /data/n.csv has no column 'price'"
    assert group["pattern"] == "ValueError: row <n> of <path> has no column <text>"
    assert keys(get("runs/FIRST/keys", error=group["group"])) == ["north.csv", "south.csv"]
    assert keys(get("runs/FIRST/keys", error=group["group"], search="NORTH")) == ["north.csv"]
    assert keys(get("runs/FIRST/keys", error="none")) == []


def test_the_errors_of_very_many_failures_are_not_read(get, monkeypatch):
    monkeypatch.setattr(failed_keys, "MOST_KEYS", 4)
    found = get("runs/FIRST/errors")
    assert sum(each["count"] for each in found["groups"]) == 4
    assert found["left_out"] == 2


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"match": "*.csv"}, ["north.csv", "south.csv", "east.csv"]),
        ({"where": "size > 1_000"}, ["south.csv", "west.json"]),
        ({"where": "size > 1_000 and rows > 1"}, ["west.json"]),
        ({"where": "size > 1_000", "state": "failed"}, ["south.csv"]),
        ({"where": "rows >= 10"}, ["far west.json"]),
        ({"where": "letters >= 9 and size > 1"}, ["west.json"]),
    ],
)
def test_patterns_and_conditions_select_keys_and_downloads_have_the_same(get, parameters, found):
    # The first run, in which the file was fine.
    page = get("runs/FIRST/keys", column="size", sort="key", **parameters)
    assert sorted(keys(page)) == sorted(found)
    assert {row["key"]: row["metadatum"] for row in page["rows"]} == {key: KEYS[key][1] for key in found}
    names = get("runs/FIRST/key-names", **parameters)
    assert (names["total"], names["names"]) == (len(found), found)
    lines = get("runs/FIRST/export", **parameters).splitlines()
    assert len(lines) == 2 + 2 * len(found)
    assert lines[-1].startswith(f"# complete: {2 * len(found)} rows, only of keys with ")
    document = get("runs/FIRST/export", what="metadata", format="json", **parameters)
    assert [each["key"] for each in document["outputs"][0]["keys"]] == found
    assert document["only_keys_with"]


def test_rows_are_sorted_by_a_metadatum_and_keys_without_it_come_last(get, monkeypatch):
    page = get("runs/RUN/keys", sort="metadatum", column="size", descending=True, limit=3)
    assert keys(page) == ["west.json", "south.csv", "east.csv"]
    assert page["total"] == 6
    page = get("runs/RUN/keys", sort="metadatum", column="size", limit=2, offset=4)
    assert [row["metadatum"] for row in page["rows"]] == [None, None]
    monkeypatch.setattr(key_labels, "MOST_KEYS", 5)
    refused = get("runs/RUN/keys", status=422, where="size > 1")
    assert "This needs the metadata of 6 keys. At most 5 are read at once." in refused["detail"]
    assert "a number or a string is missing" in get("runs/RUN/keys", status=422, where="size >")["detail"]


def test_a_clear_acts_on_all_keys_that_match_and_none_if_none_does(server, runs):
    def cleared(wanted, **more):
        body = {"of": "files.result", "wanted": wanted, **more}
        answer = server.post(f"/dags/filtered_files/runs/{runs[1].run_id}/clearing", body)
        assert answer.status_code == 200, answer.text
        return {(each["task_id"], each["label"]) for each in answer.json()["task_instances"]}

    both = {("load", "west.json"), ("load", "far west.json")}
    found = cleared({"match": "*west.json"})
    assert {each for each in found if each[0] == "load"} == both
    assert {each for each in cleared({"match": "*west.json"}, state="failed") if each[0] == "load"} == {
        ("load", "west.json")
    }
    assert cleared({"match": "nothing*"}) == set()


def test_pasted_names_are_found_or_said_to_be_missing(server, runs):
    names = ["west.json", '["east.csv"]', "west.json", "nowhere"]
    body = {"of": "files.result", "names": names}
    answer = server.post(f"/dags/filtered_files/runs/{runs[1].run_id}/find-keys", body)
    assert answer.json() == {"keys": [["west.json"], ["east.csv"]], "missing": ["nowhere"]}


def test_a_run_is_compared_with_the_run_before_and_a_key_with_itself(get, runs):
    found = get("runs/RUN/comparison")
    assert found["other"]["run_id"] == runs[0].run_id
    changed = {
        name: [each["key"] for each in group["keys"]] for name, group in found.items() if name != "other"
    }
    assert changed == {
        "new": ["new"],
        "gone": ["gone"],
        "newly_failed": ["west.json"],
        "repaired": ["east.csv"],
        "slower": [],
    }
    alone = get("runs/FIRST/comparison")
    assert (alone["other"], alone["new"]) == (None, {"total": 0, "keys": []})
    past = get("key-history", key='["west.json"]')["runs"]
    assert [(each["run"]["run_id"], each["is_there"], each["state"]) for each in past] == [
        (runs[0].run_id, True, "success"),
        (runs[1].run_id, True, "failed"),
    ]
    assert all(each["duration"] is not None for each in past)
    assert [each["is_there"] for each in get("key-history", key='["gone"]')["runs"]] == [True, False]
