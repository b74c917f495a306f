"""Documents of kept results on a disk and on an S3 server, with several writers and readers at once."""

from __future__ import annotations

import dataclasses
import functools
import json
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path  # noqa: TC003 (annotations are evaluated)
from types import SimpleNamespace

import pytest
from upath import UPath

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.cache import claims, results
from airflow_dynamic_provider.cache.claims import Claim
from airflow_dynamic_provider.cache.entries import Entry, read_value
from airflow_dynamic_provider.cache.identity import Identity
from airflow_dynamic_provider.cache.outputs import read_outputs
from airflow_dynamic_provider.cache.store import Store, folder_of, ids_of, open_store
from airflow_dynamic_provider.definitions.cache import Cache
from airflow_dynamic_provider.definitions.declarations import DynamicOut, Out
from airflow_dynamic_provider.execution.layout import MadeBy, StoredMetadata
from airflow_dynamic_provider.workflows.tasks.kept import read_output

NAME = "dag/task/key.json"


def outputs_of(declarations):
    return lambda content: read_outputs(content, "task", declarations)


ROUNDS = 40


@pytest.fixture(scope="module")
def s3_server():
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def path_on(s3_server):
    return UPath("s3://bucket/kept", key="k", secret="s", endpoint_url=s3_server)


@pytest.fixture
def bucket(s3_server):
    """Return an empty directory of a bucket."""
    path = path_on(s3_server)
    path.fs.mkdirs("bucket", exist_ok=True)
    if path.fs.exists(path.path):
        path.fs.rm(path.path, recursive=True)
    return path


@pytest.fixture(params=["file", "memory", "s3"])
def kept(request, tmp_path):
    """Return the store of a test."""
    if request.param == "s3":
        return Store(request.getfixturevalue("bucket"))
    return Store(UPath(tmp_path / "kept") if request.param == "file" else UPath(f"memory://{tmp_path}"))


def test_a_document_is_read_written_listed_and_deleted(kept):
    assert kept.read(NAME) is None
    assert list(kept.names()) == []
    kept.write(NAME, b"one")
    kept.write(NAME, b"other")
    assert kept.read(NAME) == b"other"
    assert kept.create("dag/task/key.claim-0", b"mine") is True
    assert kept.create("dag/task/key.claim-0", b"yours") is False
    assert kept.read("dag/task/key.claim-0") == b"mine"
    assert list(kept.names()) == ["dag/task/key.claim-0", NAME]
    assert list(kept.names("dag/task")) == ["dag/task/key.claim-0", NAME]
    assert list(kept.names("other")) == []
    kept.delete(NAME)
    kept.delete(NAME)
    assert list(kept.names()) == ["dag/task/key.claim-0"]


def test_a_result_is_one_request_to_s3_however_it_ends(bucket, monkeypatch):
    asked = []
    own = bucket.fs._call_s3

    async def call(method, *arguments, **named):
        asked.append(method)
        return await own(method, *arguments, **named)

    kept = Store(bucket)
    monkeypatch.setattr(kept._fs, "_call_s3", call)
    assert kept.read(NAME) is None
    kept.write(NAME, b"x")
    assert kept.read(NAME) == b"x"
    assert asked == ["get_object", "put_object", "get_object"]


def documents(writer):
    return [json.dumps([writer, number] * 5_000).encode() for number in range(ROUNDS)]


def write_all(open_kept, writer):
    kept = open_kept()
    for document in documents(writer):
        kept.write(NAME, document)


def read_all(kept, seen, is_over):
    while not is_over.is_set():
        seen.append(kept.read(NAME))


@pytest.mark.parametrize("place", ["file", "s3"])
def test_readers_see_whole_documents_only_while_other_processes_write(place, request, tmp_path):
    if place == "file":
        open_kept = functools.partial(Store, UPath(tmp_path / "kept"))
    else:
        request.getfixturevalue("bucket")
        # Each process has connections of its own.
        server = request.getfixturevalue("s3_server")
        open_kept = lambda: Store(path_on(server))  # noqa: E731 (shorter than a function)
    kept = open_kept()
    valid = {None, *(document for writer in range(3) for document in documents(writer))}
    seen, is_over = [], threading.Event()
    readers = [threading.Thread(target=read_all, args=(kept, seen, is_over)) for _ in range(2)]
    fork = multiprocessing.get_context("fork")
    writers = [fork.Process(target=write_all, args=(open_kept, writer)) for writer in range(3)]
    for writer in writers:
        writer.start()
    for reader in readers:
        reader.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    is_over.set()
    for reader in readers:
        reader.join()
    assert len(set(seen) - {None}) > 1
    assert set(seen) <= valid
    assert kept.read(NAME) in {documents(writer)[-1] for writer in range(3)}
    assert list(kept.names()) == [NAME]
    if kept._is_on_disk:
        # Nothing unfinished is left.
        assert [path.name for path in UPath(kept.shown).rglob("*") if path.is_file()] == ["key.json"]


def test_one_of_many_creates_a_document(kept):
    with ThreadPoolExecutor(8) as threads:
        created = list(threads.map(lambda number: kept.create("claim", b"%d" % number), range(16)))
    assert sum(created) == 1
    assert kept.read("claim") == b"%d" % created.index(True)


IDENTITY = Identity("dag", "task", "1", "0" * 64)


@pytest.fixture
def opened(kept, monkeypatch):
    for module in (claims, results):
        monkeypatch.setattr(module, "open_store", lambda: kept)
    return kept


def test_one_claimant_at_a_time_and_one_successor_of_a_dead_one(opened, monkeypatch):
    states = {}
    monkeypatch.setattr(
        claims.xcom,
        "read_states_of_run",
        lambda dag_id, run_id, task_ids, index: {(task_ids[0], index): states[run_id]},
    )
    claimants = [Claim(MadeBy("dag", f"run {number}", "task")) for number in range(12)]
    states.update({each.owner.run_id: "running" for each in claimants})
    living = set(range(12))
    for _ in range(3):
        with ThreadPoolExecutor(12) as threads:
            won = list(threads.map(lambda each: claims.claim(IDENTITY, each), claimants))
        # One of them may have asked twice at the same time, and got the claim once.
        (run_id,) = {each.owner.run_id for each, has_won in zip(claimants, won, strict=True) if has_won}
        winner = int(run_id.removeprefix("run "))
        # The winner asks again, and it is still its own claim.
        assert claims.claim(IDENTITY, claimants[winner]) is True
        states[f"run {winner}"] = "failed"
        living.discard(winner)
        living_one = claimants[next(iter(living))]
        claimants = [living_one if each.owner.run_id == run_id else each for each in claimants]
    claims.release(IDENTITY, Claim(MadeBy("dag", "run of nobody", "task")))
    assert len(list(opened.names())) == 3


@pytest.fixture
def warnings(monkeypatch):
    said = []
    warn = SimpleNamespace(warning=lambda text, *values: said.append(text % values))
    monkeypatch.setattr(results, "log", warn)
    return said


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: b"",
        lambda stored: stored[: len(stored) // 2],
        lambda stored: stored.replace(b'"content": 1', b'"content": 2'),
        lambda stored: stored.replace(b'"version": 1', b'"version": 99', 1),
        lambda stored: stored.replace(IDENTITY.key.encode(), b"1" * 64),
        lambda stored: stored.replace(b'"content": 1', b'"content": {"__classname__": "os.x"}'),
        lambda stored: stored.replace(b'"metadata": {"version": 1}', b'"metadata": []'),
        lambda stored: stored.replace(b'"made_by"', b'"maker"'),
        lambda stored: stored.replace(b'"stored_at": "', b'"stored_at": "around '),
        lambda stored: b"[" * 100_000,
        lambda stored: b"[]",
        lambda stored: b"\x80\x04N.",
    ],
    ids=[
        *("empty", "cut", "other value", "later version", "other key", "class"),
        *("other metadata", "no field", "no time", "deep", "list", "pickle"),
    ],
)
def test_a_damaged_result_is_a_miss_with_a_warning(tmp_path, monkeypatch, warnings, damage):
    kept = Store(UPath(tmp_path))
    monkeypatch.setattr(results, "open_store", lambda: kept)
    document = results.document_of(IDENTITY, MadeBy("d", "r", "t"), lambda: 1, StoredMetadata())
    results.store(IDENTITY, document)
    assert results.find(IDENTITY, Cache("1"), lambda content: content).content == 1
    name = results.name_of_entry(IDENTITY)
    kept.write(name, damage(kept.read(name)))
    assert results.find(IDENTITY, Cache("1"), lambda content: content) is None
    (warning,) = warnings
    assert warning.startswith(f"The kept result {name} cannot be used, and is computed again: ")


def test_a_result_with_fields_of_a_later_release_is_used(tmp_path, monkeypatch, warnings):
    kept = Store(UPath(tmp_path))
    monkeypatch.setattr(results, "open_store", lambda: kept)
    document = results.document_of(IDENTITY, MadeBy("d", "r", "t"), lambda: 1, StoredMetadata())
    results.store(IDENTITY, document.replace(b'"key"', b'"more": [1], "key"', 1))
    assert results.find(IDENTITY, Cache("1"), lambda content: content).content == 1
    assert warnings == []


@dataclasses.dataclass
class Config:
    name: str


def returns_config() -> Config:
    """Return what a kept result is checked against."""


def returns_anything():
    """Return anything."""


@dynamic_workflow
def returns_pair() -> tuple[int, Path]:
    """Return what a kept output is checked against."""


def output_of(workflow):
    return functools.partial(read_output, workflow)


DECLARED = {"files": DynamicOut(int), "count": Out(int)}
FILES = [{"output": "files", "key": "a", "value": 1}, {"output": "count", "value": 1}]


@pytest.mark.parametrize(
    ("read", "content", "problem"),
    [
        (
            functools.partial(read_value, returns_config),
            3,
            "3 of type int is not of the declared type Config",
        ),
        (functools.partial(read_value, returns_config), {"$typed": {"size": 1}}, "is not stored as the type"),
        (
            functools.partial(read_value, returns_anything),
            {"$typed": {"name": ""}},
            "no type is declared now",
        ),
        (outputs_of(DECLARED), [*FILES, FILES[0]], "two outputs have this key"),
        (outputs_of(DECLARED), FILES[:1], "is required and was not produced"),
        (outputs_of(DECLARED), [{"output": "other", "value": 1}], "KeyError: 'other'"),
        (outputs_of(DECLARED), [{**FILES[0], "value": "x"}], "expected a value of type int"),
        (outputs_of(DECLARED), {"files": 1}, "TypeError"),
        (outputs_of(DECLARED), 5, "TypeError"),
        (output_of(returns_pair), 3, "WorkflowCallError"),
        (output_of(returns_pair), {"$tuple": [1, 2]}, "2 of type int is not of the declared type Path"),
        (output_of(returns_pair), {"$ref": "fetch"}, "a kept output refers to the node 'fetch'"),
        (output_of(returns_pair), {"$class": "gone:Config", "fields": {}}, "gone"),
    ],
)
def test_a_result_of_another_type_is_a_miss_with_a_warning(
    tmp_path, monkeypatch, warnings, read, content, problem
):
    kept = Store(UPath(tmp_path))
    monkeypatch.setattr(results, "open_store", lambda: kept)
    document = results.document_of(IDENTITY, MadeBy("d", "r", "t"), lambda: content, StoredMetadata())
    results.store(IDENTITY, document)
    assert results.find(IDENTITY, Cache("1"), read) is None
    (warning,) = warnings
    assert problem in warning


def test_a_store_that_fails_is_a_miss_with_a_warning(monkeypatch, warnings):
    def fail(*_):
        raise OSError("no space left")

    broken = SimpleNamespace(read=fail, write=fail)
    monkeypatch.setattr(results, "open_store", lambda: broken)
    assert results.find(IDENTITY, Cache("1"), lambda content: content) is None
    results.store(IDENTITY, b"")
    assert [warning.endswith("OSError: no space left") for warning in warnings] == [True, True]


def test_the_store_is_where_the_option_says(tmp_path, monkeypatch):
    monkeypatch.setenv("AIRFLOW__DYNAMIC_OUTPUTS__CACHE_PATH", str(tmp_path / "there"))
    open_store.cache_clear()
    open_store().write(NAME, b"x")
    assert (tmp_path / "there" / NAME).read_bytes() == b"x"
    open_store.cache_clear()


@pytest.mark.parametrize("part", ["plain", "..", ".", "a/b", "%2E", "ä ö"])
def test_names_stay_below_the_path_and_are_told_apart(part):
    folder = folder_of(part, "task.group")
    assert folder.count("/") == 1
    assert folder.split("/")[0] not in ("", ".", "..")
    assert ids_of(f"{folder}/key.json") == (part, "task.group")


def test_a_result_expires_at_its_age(tmp_path, monkeypatch):
    kept = Store(UPath(tmp_path))
    monkeypatch.setattr(results, "open_store", lambda: kept)
    stored_at = datetime.now(timezone.utc) - timedelta(hours=2)
    entry = Entry(IDENTITY.key, "1", MadeBy("d", "r", "t"), stored_at, 1)
    results.store(IDENTITY, entry.to_bytes())
    for age, is_used in ((timedelta(hours=1), False), (timedelta(hours=3), True), (None, True)):
        hit = results.find(IDENTITY, Cache("1", expires=age), lambda content: content)
        assert (hit is not None) == is_used
