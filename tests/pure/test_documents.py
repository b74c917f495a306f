"""The documents in the ``doc_json`` of tasks, for pages and commands."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from airflow_dynamic_provider.definitions.declarations import DynamicOut, Out
from airflow_dynamic_provider.execution.documents import (
    TaskDocument,
    declared_outputs,
    read_documents,
    read_object,
    space_id,
    write_document,
)
from airflow_dynamic_provider.execution.spaces import JoinedSpace, NestedSpace, ProducedSpace

pytestmark = pytest.mark.pure


def produced(name):
    return ProducedSpace(name, "return_value", None, name, "result", True)


def task(task_id, document, text=None):
    return SimpleNamespace(task_id=task_id, doc_json=write_document(text, document))


def test_what_is_written_is_read():
    outer = produced("outer")
    inner = NestedSpace("inner__keys", "return_value", outer, "inner", "items", False, outer)
    joined = JoinedSpace("joined__keys", "return_value", outer, inner, produced("other"), "outer")
    document = TaskDocument(
        declared_outputs({"total": Out(int, description="How many"), "files": DynamicOut(is_required=False)}),
        lists=joined,
        clone_of=inner,
        same_key=("a", "b"),
        needs_success=False,
        is_helper=True,
    )
    read = read_documents([task("one", document)])["one"]
    assert read.outputs == document.outputs
    assert (read.same_key, read.needs_success, read.is_helper) == (("a", "b"), False, True)
    assert read.clone_of.outer is read.lists.enclosing
    assert read.lists.left is read.clone_of
    for space, known in ((read.lists, joined), (read.clone_of, inner), (read.lists.right, joined.right)):
        assert type(space) is type(known)
        assert (space_id(space), space.keys_xcom, space.depth) == (
            space_id(known),
            known.keys_xcom,
            known.depth,
        )
    assert read.lists.how == "outer"
    assert not read.clone_of.is_required


def test_a_key_space_is_one_object_whoever_tells_of_it():
    read = read_documents([task(each, TaskDocument(clone_of=produced("p"))) for each in ("a", "b")])
    assert read["a"].clone_of is read["b"].clone_of


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (None, {}),
        ('{"team": "north"}', {"team": "north"}),
        ("not JSON", {"text": "not JSON"}),
        ("[1]", {"text": "[1]"}),
    ],
)
def test_what_the_author_wrote_there_stays(written, kept):
    text = write_document(written, TaskDocument(is_helper=True))
    again = write_document(text, TaskDocument(same_key=("a",)))
    whole = json.loads(again)
    assert whole.pop("dynamic_outputs") == {"same_key": ["a"]}
    assert whole == kept


def test_tasks_that_say_nothing_are_left_out():
    tasks = [
        SimpleNamespace(task_id="a"),
        SimpleNamespace(task_id="b", doc_json="{}"),
        task("c", TaskDocument()),
    ]
    assert list(read_documents(tasks)) == ["c"]
    assert read_object("{") == read_object("3") == read_object(7) == {}
