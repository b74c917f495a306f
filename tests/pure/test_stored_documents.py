"""One release reads what another stores: examples as stored, and as a later release may store them."""

from __future__ import annotations

import ast
import copy
import importlib
import json
import pkgutil

import pytest

import airflow_dynamic_provider
from airflow_dynamic_provider.errors import LayoutError
from airflow_dynamic_provider.execution.batch_records.stored import StoredChunk, unpack_states
from airflow_dynamic_provider.execution.documents import read_documents
from airflow_dynamic_provider.execution.forms import Form
from airflow_dynamic_provider.workflows.declared.spec import Lane, WorkflowSpec
from airflow_dynamic_provider.workflows.plan.plan import unpack_plan
from tests.pure.processes import PACKAGE
from tests.pure.refusals import refused
from tests.pure.stored_documents import FOLDER, KINDS, comparable, example, file_of, fingerprints

pytestmark = pytest.mark.pure

VERSIONS = [(name, version) for name, kind in KINDS.items() for version in kind.versions]
WITH_VERSION = {name: kind for name, kind in KINDS.items() if kind.form is not None}
LATER = {"a field of a later release": {"nested": [1]}}


@pytest.mark.parametrize(("name", "version"), VERSIONS)
def test_what_was_stored_is_read(name, version):
    kind = KINDS[name]
    assert comparable(kind.read(example(name, version))) == comparable(kind.sample)


@pytest.mark.parametrize("name", KINDS)
def test_what_is_stored_now_is_what_its_version_says(name):
    # If this fails, a form has changed. Give it the next version (docs/upgrades.md).
    kind = KINDS[name]
    assert json.loads(json.dumps(kind.write(kind.sample))) == example(name, kind.versions[-1])


def places(document, way):
    """Yield the objects and lists at a path in a document; ``*`` stands for each."""
    if not way:
        yield document
        return
    step, *rest = way
    if step != "*":
        yield from places(document[step], rest)
        return
    for each in document.values() if isinstance(document, dict) else document:
        if each is not None:
            yield from places(each, rest)


GROWING = [(name, way) for name, kind in KINDS.items() for way in kind.records]


@pytest.mark.parametrize(("name", "way"), GROWING, ids=str)
def test_fields_of_a_later_release_are_ignored(name, way):
    kind = KINDS[name]
    document = copy.deepcopy(example(name, kind.versions[-1]))
    found = list(places(document, way))
    assert found
    for each in found:
        each.update(LATER) if isinstance(each, dict) else each.append(LATER)
    assert comparable(kind.read(document)) == comparable(kind.sample)


@pytest.mark.parametrize("name", WITH_VERSION)
def test_a_later_version_is_read_if_it_says_that_it_can_be(name):
    kind = KINDS[name]
    version = kind.form.version
    later = {**example(name, version), **LATER, "version": version + 2, "readable_by": version}
    assert comparable(kind.read(later)) == comparable(kind.sample)


@pytest.mark.parametrize("name", WITH_VERSION)
@pytest.mark.parametrize("says", [{}, {"readable_by": 99}, {"readable_by": "1"}, {"readable_by": True}])
def test_a_later_version_that_does_not_say_so_is_refused(name, says):
    kind = KINDS[name]
    version = kind.form.version
    noun = f"{kind.form.noun} is stored in version {version + 100}, but this release reads {version}"
    with refused(LayoutError, f"{noun}. Upgrade this component of Airflow") as caught:
        kind.read({**example(name, version), "version": version + 100, **says})
    assert kind.form.remedy[1:] in caught.value.remedy


@pytest.mark.parametrize("name", WITH_VERSION)
def test_what_cannot_be_read_is_not_written_out_whole(name):
    large = {"version": 1, "value": "secret" * 10_000, **{str(number): [{}] * 1000 for number in range(1000)}}
    for damaged in (large, {**large, "version": "v" * 10_000}, ["x" * 100] * 10_000):
        # Metadata may be empty. Its other fields are only unknown then.
        if name == "metadata" and damaged is large:
            continue
        with pytest.raises(LayoutError) as caught:
            KINDS[name].read(damaged)
        assert len(str(caught.value)) < 600


def end_of(record):
    return None if record.started is None else record.started + (record.milliseconds or 0)


@pytest.mark.parametrize("name", ["keys_of_batch", "keys_of_producing_batch"])
def test_the_states_of_a_chunk_are_those_of_its_records(name):
    stored = {**example(name, 1), **LATER}
    records = StoredChunk.unpack(stored).records
    assert unpack_states(stored) == [
        (each.key_path, each.position, each.state, each.milliseconds, end_of(each)) for each in records
    ]
    with refused(LayoutError, "this is not the keys of a batch as it is stored"):
        unpack_states({**stored, "states": {"0": "running"}})


def test_a_plan_has_the_fingerprints_that_it_always_had():
    # They distinguish nodes that have run from those that are planned now.
    for version in KINDS["plan"].versions:
        plan = unpack_plan(example("plan", version))
        assert fingerprints(plan) == example("fingerprints", 1)
    grown = unpack_plan({**example("plan", 1), **LATER, "version": 2, "readable_by": 1})
    assert fingerprints(grown) == example("fingerprints", 1)


# No document without an example


def modules():
    for each in pkgutil.walk_packages(airflow_dynamic_provider.__path__, f"{PACKAGE.name}."):
        if each.name.split(".")[1] in ("cache", "definitions", "execution", "workflows"):
            yield each.name


def test_every_form_has_an_example():
    forms = {
        id(member): f"{name}.{found}"
        for name in modules()
        for found, member in vars(importlib.import_module(name)).items()
        if isinstance(member, Form)
    }
    assert set(forms) == {id(kind.form) for kind in WITH_VERSION.values()}, forms


def test_whatever_packs_or_unpacks_has_an_example():
    found = set()
    for name in modules():
        path = PACKAGE.parent / (name.replace(".", "/") + ".py")
        tree = ast.parse((path if path.exists() else path.with_suffix("") / "__init__.py").read_text())
        for scope in (tree, *(each for each in tree.body if isinstance(each, ast.ClassDef))):
            inside = f"{scope.name}." if isinstance(scope, ast.ClassDef) else ""
            for each in scope.body:
                if isinstance(each, ast.FunctionDef) and each.name.split("_")[0] in ("pack", "unpack"):
                    found.add(f"{name.removeprefix(PACKAGE.name + '.')}.{inside}{each.name}")
    assert found == {code for kind in KINDS.values() for code in kind.code}


def test_every_example_is_of_a_kind_that_there_is():
    known = {file_of(*each) for each in VERSIONS} | {file_of("fingerprints", 1)}
    assert set(FOLDER.rglob("*.json")) == known


# Forms with a history


def rename(document):
    return {**{key: value for key, value in document.items() if key != "old"}, "new": document["old"]}


def double(document):
    return {**document, "new": 2 * document["new"]}


HISTORY = Form(
    "a thing", frozenset({"new"}), "Clear it.", version=3, readable_by=2, migrations=(rename, double)
)


def test_older_versions_are_read_by_way_of_those_between():
    assert HISTORY.stamp == {"version": 3, "readable_by": 2}
    assert HISTORY.read({"version": 1, "old": 4})["new"] == 8
    assert HISTORY.read({"version": 2, "new": 4})["new"] == 8
    assert HISTORY.read({"version": 3, "new": 4})["new"] == 4
    assert HISTORY.read({"version": 4, "new": 4, "readable_by": 3})["new"] == 4


def test_versions_before_the_oldest_and_after_the_newest_are_refused():
    for version in (0, -1, 4, None, True, 1.0, "3", [3]):
        with refused(LayoutError, f"a thing is stored in version {version!r}, but this release reads 1 to 3"):
            HISTORY.read({"version": version, "new": 1})


@pytest.mark.parametrize("stored", [{"version": 1}, {"version": 2}, {"version": 3}])
def test_a_document_without_what_its_version_has_is_refused(stored):
    with refused(LayoutError, "this is not a thing as it is stored"):
        HISTORY.read(stored)


# Documents without a version only get new fields


def test_fields_that_an_earlier_release_did_not_store_have_their_defaults():
    spec = WorkflowSpec.unpack(
        {
            "name": "w",
            "plan_task_id": "w.plan",
            "result_task_id": "w.result",
            "lanes": {"a": {"kind": "a", "task_id": "w.a", "list_task_id": "w.nodes.a"}},
        }
    )
    assert spec == WorkflowSpec("w", "w.plan", "w.result", {"a": Lane("a", "w.a", "w.nodes.a")})


@pytest.mark.parametrize(
    "packed",
    [
        None,
        [],
        {},
        {"lanes": []},
        {"name": "w", "lanes": {}},
        {"lanes": {"a": {"kind": "a"}}},
        {"lanes": {"a": 1}},
    ],
)
def test_a_workflow_of_another_form_is_refused(packed):
    with pytest.raises(LayoutError, match=r"this is not a (lane of a )?workflow as it is stored"):
        WorkflowSpec.unpack(packed)


@pytest.mark.parametrize(
    "part",
    [
        {"outputs": [{}]},
        {"outputs": ["total"]},
        {"clone_of": "files"},
        {"clone_of": {"keys_task_id": "files"}},
        {"lists": {"how": "inner", "keys_task_id": "a", "keys_xcom": "b"}},
        {"lists": {"outer": 1, "keys_task_id": "a", "keys_xcom": "b"}},
    ],
)
def test_a_document_of_another_form_is_refused_with_its_task(part):
    class Task:
        task_id = "count"
        doc_json = json.dumps({"dynamic_outputs": part})

    with refused(LayoutError, "Task 'count': this is not "):
        read_documents([Task])
