"""The error tree: its drawing, its messages, and errors that cross processes."""

from __future__ import annotations

import builtins
import copy
import inspect
import itertools
import pickle
import re

import pytest

from airflow_dynamic_provider import errors
from airflow_dynamic_provider.errors import DefinitionError, DynamicOutputsError

pytestmark = pytest.mark.pure

CLASSES = [
    member
    for member in vars(errors).values()
    if inspect.isclass(member) and member.__module__ == errors.__name__
]

#: Indentation, name, purpose, and the built-in base in brackets.
BRANCH = re.compile(r"^ {4}(?P<indent>[│ ]*)(?:[├└]── )?(?P<name>\w+Error)\b.*?(?:\((?P<builtin>\w+)\))?$")


def drawn_tree():
    """Return the tree in the module's docstring: class name -> names of its bases."""
    bases, ancestors = {}, []
    for line in filter(None, map(BRANCH.match, errors.__doc__.splitlines())):
        is_root = not bases
        depth = 0 if is_root else len(line["indent"]) // 4 + 1
        parent = "Exception" if is_root else ancestors[depth - 1]
        bases[line["name"]] = (parent, *filter(None, [line["builtin"]]))
        ancestors[depth:] = [line["name"]]
    return bases


def test_the_drawn_tree_is_the_tree_there_is():
    assert drawn_tree() == {cls.__name__: tuple(base.__name__ for base in cls.__bases__) for cls in CLASSES}


def test_every_leaf_can_be_caught_as_a_builtin_and_by_the_root():
    parents = {parent for parent, *_ in drawn_tree().values()}
    for name, (_, *builtin) in drawn_tree().items():
        assert issubclass(getattr(errors, name), DynamicOutputsError)
        assert len(builtin) == (name not in parents)
        assert all(issubclass(getattr(builtins, base), Exception) for base in builtin)


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_says_when_it_is_raised(cls):
    assert inspect.getdoc(cls)


@pytest.mark.parametrize("cls", CLASSES)
def test_pickling_and_copying_keep_class_attributes_and_text(cls):
    error = cls("is wrong", task_id="t", output_name="o", mapping_key="k", remedy="Mend it.")
    error.message = "is very wrong"
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(other) is cls
        assert vars(other) == vars(error)
        line = f" ({error.line})" if issubclass(cls, DefinitionError) else ""
        assert str(other) == f"Task 't', output 'o', key 'k': is very wrong. Mend it.{line}"


def test_an_error_of_a_dag_file_names_the_authors_line():
    error = DefinitionError("is wrong")
    assert re.fullmatch(r"test_errors\.py, line \d+", error.line)
    assert str(error) == f"is wrong ({error.line})"


def test_what_is_not_known_is_none():
    error = DynamicOutputsError("is wrong")
    assert (error.task_id, error.output_name, error.mapping_key, error.remedy) == (None, None, None, None)
    assert error.message == "is wrong"
    assert error.args == ("is wrong",)


def test_all_but_the_message_is_given_by_name():
    with pytest.raises(TypeError, match="positional argument"):
        DynamicOutputsError("is wrong", "t")


@pytest.mark.parametrize("known", [*itertools.product([False, True], repeat=3)])
@pytest.mark.parametrize("remedy", [None, "Mend it."])
def test_the_text_names_what_is_known_and_ends_in_the_remedy(known, remedy):
    names = {"task_id": ("task", "t"), "output_name": ("output", "o"), "mapping_key": ("key", "k")}
    given = [attribute for attribute, is_known in zip(names, known, strict=True) if is_known]
    error = DynamicOutputsError(
        "is wrong", **{attribute: names[attribute][1] for attribute in given}, remedy=remedy
    )
    subject = ", ".join(f"{noun} {name!r}" for noun, name in map(names.get, given))
    expected = f"{subject}: is wrong" if subject else "is wrong"
    expected = expected[0].upper() + expected[1:] if subject else expected
    assert str(error) == expected + (f". {remedy}" if remedy else "")


def test_the_text_shows_names_as_python_would_write_them():
    error = DynamicOutputsError("is wrong", task_id="it's", mapping_key="a\nb")
    assert str(error) == "Task \"it's\", key 'a\\nb': is wrong"


def test_about_fills_in_what_was_not_known_and_keeps_what_was():
    error = DynamicOutputsError("is wrong", output_name="first")
    assert error.about(task_id="t", output_name="second", mapping_key="k") is error
    assert (error.task_id, error.output_name, error.mapping_key) == ("t", "first", "k")
    assert error.about(task_id="other").task_id == "t"
    assert str(error) == "Task 't', output 'first', key 'k': is wrong"


def test_about_takes_an_empty_name_for_a_name():
    assert DynamicOutputsError("is wrong", task_id="").about(task_id="t").task_id == ""
