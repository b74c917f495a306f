"""Documents of kept results on a disk and on an S3 server, with several writers and readers at once."""

from __future__ import annotations

import json
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from upath import UPath

from airflow_dynamic_provider.cache import claims, results
from airflow_dynamic_provider.cache.claims import Claim
from airflow_dynamic_provider.cache.entries import Entry
from airflow_dynamic_provider.cache.identity import Identity
from airflow_dynamic_provider.cache.store import Store, folder_of, ids_of, open_store
from airflow_dynamic_provider.definitions.cache import Cache
from airflow_dynamic_provider.execution.layout import MadeBy, StoredMetadata

NAME = "dag/task/key.json"
ROUNDS = 40


@pytest.fixture(scope="module")
def s3_server():
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_server):
    """Return an empty directory of a bucket."""
    path = UPath("s3://bucket/kept", key="k", secret="s", endpoint_url=s3_server)
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


def write_all(kept, writer):
    for document in documents(writer):
        kept.write(NAME, document)


def read_all(kept, seen, is_over):
    while not is_over.is_set():
        seen.append(kept.read(NAME))


def test_readers_see_whole_documents_only_while_others_write(kept):
    valid = {None, *(document for writer in range(3) for document in documents(writer))}
    seen, is_over = [], threading.Event()
    readers = [threading.Thread(target=read_all, args=(kept, seen, is_over)) for _ in range(2)]
    for reader in readers:
        reader.start()
    if kept._is_on_disk:
        # Real processes: a file system is shared by them.
        fork = multiprocessing.get_context("fork")
        writers = [fork.Process(target=write_all, args=(kept, writer)) for writer in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        assert [writer.exitcode for writer in writers] == [0, 0, 0]
    else:
        with ThreadPoolExecutor(3) as threads:
            list(threads.map(lambda writer: write_all(kept, writer), range(3)))
    is_over.set()
    for reader in readers:
        reader.join()
    assert len(seen) > 2
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
        lambda stored: b"[]",
        lambda stored: b"\x80\x04N.",
    ],
    ids=["empty", "cut", "other value", "later version", "other key", "class", "list", "pickle"],
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
