"""What is a name for an output."""

from __future__ import annotations

import collections

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from airflow_dynamic_provider.definitions.keys import check_output_name
from airflow_dynamic_provider.errors import DeclarationError
from tests.pure.refusals import refused
from tests.pure.strategies import identifiers, is_output_name, output_names

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    "name", ["result", "files", "a1", "total_", "Ünïcode", "type", "match", "count", "index"]
)
def test_an_identifier_is_taken_as_it_is(name):
    assert check_output_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "a-b", "a.b", "class", "None", "_private", "a\n", 7, None, b"files", ("a",)]
)
def test_what_is_no_public_identifier_is_refused(name):
    with refused(DeclarationError, f"{name!r} is not a valid output name. Use a Python identifier"):
        check_output_name(name)


@pytest.mark.parametrize("name", ["return_value", "output_metadata", "produced_outputs"])
def test_a_name_under_which_something_else_is_stored_is_refused(name):
    with refused(
        DeclarationError,
        f"{name!r} is not a valid output name, because the XCom with this name has another use. Choose",
    ):
        check_output_name(name)


def test_a_name_that_python_spells_otherwise_is_refused():
    with refused(
        DeclarationError,
        "'ﬁles' is not a valid output name, because Python reads it as 'files'. Write 'files'.",
    ):
        check_output_name("ﬁles")


def test_a_subclass_of_str_becomes_plain_text():
    class Text(str):
        pass

    assert type(check_output_name(Text("files"))) is str


@given(st.text(max_size=6) | identifiers)
def test_whatever_is_taken_can_be_asked_for_as_a_field(name):
    # If nothing is taken, this does not pass.
    assume(is_output_name(name))
    handles = collections.namedtuple("handles", [name])(1)
    assert eval(f"handles.{name}", {"handles": handles}) == 1


@given(st.sets(output_names, min_size=2, max_size=6))
def test_different_names_make_one_named_tuple(names):
    assert len(collections.namedtuple("handles", sorted(names))._fields) == len(names)
