"""What pages and commands read of metadata: of keys as they were produced, and of task instances."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from airflow.models.xcom import XComModel
from airflow.sdk import dag, task
from airflow.utils.session import create_session
from sqlalchemy import select

from airflow_dynamic_provider import DynamicOut, DynamicOutput, add_output_metadata
from airflow_dynamic_provider.database import metadata
from airflow_dynamic_provider.database.matrix import Matrix
from airflow_dynamic_provider.database.metadata import key_metadata, keys_metadata, metadata_of_cells
from airflow_dynamic_provider.database.runs import open_run
from airflow_dynamic_provider.errors import ReadError
from airflow_dynamic_provider.execution.batch_records.stored import chunk_xcom, places_xcom
from airflow_dynamic_provider.execution.layout import (
    METADATA_XCOM,
    RETURN_VALUE,
    described_xcom,
    digest_xcom,
    entries_xcom,
    items_xcom,
    values_xcom,
)
from tests.dag.tasks import pair
from tests.dag_runs import start_run

try:
    from airflow.sdk import serde
except ImportError:
    # Airflow 3.1 has it in its core package.
    from airflow.serialization import serde

LETTERS = {}
FAILING = set()


@pytest.fixture(autouse=True)
def as_at_first():
    LETTERS.clear()
    LETTERS.update(a=1, b=2)
    FAILING.clear()


@dataclass
class Own:
    """A value of a class that Airflow refuses to load."""

    number: int


@task.dynamic(out=DynamicOut(Own))
def letters():
    for name, number in LETTERS.items():
        yield DynamicOutput(Own(number), name, metadata={"number": number, "letter": "early"})
        add_output_metadata({"letter": name}, mapping_key=name)


@task.dynamic(out=DynamicOut(int))
def others():
    for name in "bc":
        yield DynamicOutput(0, name, metadata={"other": name, "number": 7})


@task.dynamic(out=DynamicOut(int))
def below(letter, mapping_key=None):
    if mapping_key in FAILING:
        raise ValueError("as the test says")
    for place in range(2):
        yield DynamicOutput(place, f"{place}", metadata={"below": mapping_key})


@task
def tell(value, mapping_key=None):
    if mapping_key in FAILING:
        raise ValueError("as the test says")
    add_output_metadata({"told by": mapping_key})


@dag(schedule=None)
def described():
    mine = letters()
    mine.map(lambda letter: below(letter).map(tell))
    mine.map(tell.override(task_id="tell_letter"))
    mine.zip(others(), how="outer").map(pair)
    # All tasks that read it are batches, so it has only large pages.
    letters.override(task_id="batched")().map(tell.override(task_id="tell_batch"), batch=1000)


def run_described(run=None):
    """Run what there is to run, and load values as tasks do that know their Dag's classes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serde, "_match", lambda _classname: True)
        return (run or start_run(described())).run()


def plain(labelled):
    return {label: value.value for label, value in labelled.items()}


def read(run, of):
    """Key -> what was said of it, and (task, key) -> what its clones said."""
    with create_session() as session:
        opened = open_run(session, run.dag.dag_id, run.run_id)
        info = opened.space(of)
        matrix = Matrix(opened.source, info)
        paths = dict(enumerate(matrix.keys.paths))
        produced = keys_metadata(opened.source, info, paths)
        for position, path in paths.items():
            assert key_metadata(opened.source, info, path, position) == produced[position]
            assert key_metadata(opened.source, info, (*path[:-1], "another"), position) == {}
        own = metadata_of_cells(opened.source, paths, matrix.cells.at(list(paths)))
    return (
        {paths[position]: plain(found) for position, found in produced.items()},
        {
            (task_id, paths[position]): plain(found.outputs.get("result", {}))
            for (task_id, position), found in own.items()
        },
    )


def test_metadata_is_that_of_the_key(airflow_database, execution_api):
    run = run_described()
    assert run.state == "success"
    produced, own = read(run, "letters.result")
    assert produced == {("a",): {"number": 1, "letter": "a"}, ("b",): {"number": 2, "letter": "b"}}
    assert own["tell_letter", ("b",)] == {"told by": "b"}
    produced, own = read(run, "below.result")
    assert produced == {(letter, place): {"below": letter} for letter in "ab" for place in "01"}
    assert own["tell", ("b", "1")] == {"told by": "b/1"}
    zipped, own = read(run, "letters_zip_others__keys")
    assert zipped == {
        ("a",): {"number": 1, "letter": "a"},
        ("b",): {"number": 7, "letter": "b", "other": "b"},
        ("c",): {"number": 7, "other": "c"},
    }
    assert own == {("pair", (key,)): {} for key in "abc"}
    produced, own = read(run, "batched.result")
    assert produced == {("a",): {"number": 1, "letter": "a"}, ("b",): {"number": 2, "letter": "b"}}
    assert own["tell_batch", ("b",)] == {"told by": "b"}


def test_the_value_beside_it_need_not_be_loaded(airflow_database, execution_api):
    run = run_described()
    with create_session() as session:
        source = open_run(session, run.dag.dag_id, run.run_id).source
        name = items_xcom("result", 0)
        some = source.pull_names("letters", [name], fields=["keys", "values of a later release"])
        assert some == {name: {"keys": ["a", "b"]}}
        # As it is stored: what reads for pages and commands makes no object of a class.
        assert source.pull_names("letters", [name])[name]["values"][0] == {"$typed": {"number": 1}}


def test_no_value_is_loaded_from_a_backend_that_keeps_all_in_objects(
    airflow_database, execution_api, monkeypatch
):
    from airflow.sdk.execution_time import task_runner, xcom

    objects, loaded = {}, []

    class Backend(xcom.XCom):
        @staticmethod
        def serialize_value(value, **place):
            address = f"object://{place['key']}/{len(objects)}"
            objects[address] = xcom.XCom.__mro__[1].serialize_value(value, **place)
            return address

        @staticmethod
        def deserialize_value(result):
            loaded.append(result.value)
            return xcom.XCom.__mro__[1].deserialize_value(SimpleNamespace(value=objects[result.value]))

    monkeypatch.setattr(xcom, "XCom", Backend)
    monkeypatch.setattr(task_runner, "XCom", Backend)
    run = run_described()
    assert run.state == "success"
    produced = {("a",): {"number": 1, "letter": "a"}, ("b",): {"number": 2, "letter": "b"}}
    keys = {RETURN_VALUE, digest_xcom(RETURN_VALUE)}
    loaded.clear()
    found, own = read(run, "letters.result")
    assert found == produced
    assert own["tell_letter", ("b",)] == {"told by": "b"}
    names = {address.removeprefix("object://").rpartition("/")[0] for address in loaded}
    assert names == {*keys, described_xcom(items_xcom("result", 0)), METADATA_XCOM}
    loaded.clear()
    assert read(run, "batched.result")[0] == produced
    names = {address.removeprefix("object://").rpartition("/")[0] for address in loaded}
    assert names == {*keys, described_xcom(values_xcom("result", 0)), places_xcom(0), chunk_xcom(0)}


def test_a_backend_of_the_deployment_is_asked_and_its_errors_are_told(
    airflow_database, execution_api, monkeypatch
):
    from airflow.sdk.execution_time import xcom

    class Backend(xcom.XCom):
        @staticmethod
        def deserialize_value(result):
            raise OSError(f"no such file: {result.key}")

    run = run_described()
    monkeypatch.setattr(xcom, "XCom", Backend)
    with create_session() as session:
        source = open_run(session, run.dag.dag_id, run.run_id).source
        with pytest.raises(ReadError, match="backend cannot load its stored value: OSError: no such file"):
            source.pull_names("letters", [items_xcom("result", 0)])


def test_what_was_said_of_another_key_is_not_shown(airflow_database, execution_api):
    run = run_described()
    LETTERS.clear()
    LETTERS.update(b=3, a=1)
    FAILING.update(["a", "a/1"])
    # All that is mapped stays as it was for the first list of keys.
    run_described(run.clear("letters", downstream=False))
    produced, own = read(run, "letters.result")
    assert produced == {("b",): {"number": 3, "letter": "b"}, ("a",): {"number": 1, "letter": "a"}}
    assert own == {}
    # The zip still lists the letters as they were.
    zipped, _ = read(run, "letters_zip_others__keys")
    assert zipped["a",] == {}
    run_described(run.clear("tell_letter"))
    _, own = read(run, "letters.result")
    assert own == {("tell_letter", ("b",)): {"told by": "b"}, ("tell_letter", ("a",)): {}}


def test_what_another_release_has_stored_is_shown_as_unreadable(airflow_database, execution_api, monkeypatch):
    logged = []
    # Airflow's own configuration of logging keeps records from what catches them in tests.
    monkeypatch.setattr(metadata.log, "warning", lambda text, *values: logged.append(text % values))
    run = run_described()
    with create_session() as session:
        stored = select(XComModel).filter_by(run_id=run.run_id, task_id="tell_letter", key=METADATA_XCOM)
        for row in session.scalars(stored):
            row.value = {**row.value, "version": 99}
    produced, own = read(run, "letters.result")
    assert produced["a",] == {"number": 1, "letter": "a"}
    assert {at: list(labels) for at, labels in own.items() if labels} == {
        ("tell_letter", ("a",)): ["unreadable"],
        ("tell_letter", ("b",)): ["unreadable"],
    }
    assert "Cannot read metadata in 2 places, the first ('tell_letter', 0)" in logged[0]
    assert "output metadata is stored in version 99, but this" in logged[0]


def test_a_page_of_keys_that_cannot_be_read_is_shown_as_unreadable(airflow_database, execution_api):
    run = run_described()
    for of, task_id in (("below.result", "below__keys"), ("letters_zip_others__keys",) * 2):
        with create_session() as session:
            entries = select(XComModel).filter_by(run_id=run.run_id, key=entries_xcom(0))
            (row,) = [each for each in session.scalars(entries) if each.task_id == task_id]
            row.value = [1]
        with create_session() as session:
            opened = open_run(session, run.dag.dag_id, run.run_id)
            found = keys_metadata(opened.source, opened.space(of), {0: ("a", "0"), 1: ("a", "1")})
        assert [list(labels) for labels in found.values()] == [["unreadable"], ["unreadable"]]
