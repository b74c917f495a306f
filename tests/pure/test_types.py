"""The check of a produced value against the declared type of its output."""

from __future__ import annotations

import abc
import collections
import collections.abc
import datetime
import enum
import pickle
import re
import sys
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePath
from typing import (
    Annotated,
    Any,
    ClassVar,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    Optional,
    Protocol,
    TypedDict,
    TypeVar,
    Union,
    runtime_checkable,
)

import pytest
import typing_extensions
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PydanticSchemaGenerationError,
    Strict,
    StringConstraints,
)

from airflow_dynamic_provider.definitions.types import check_type
from airflow_dynamic_provider.errors import DeclarationError, OutputTypeError
from tests.marking import shown
from tests.pure.refusals import refused
from tests.pure.strategies import json_values, nested, scalars

pytestmark = pytest.mark.pure

T = TypeVar("T")


class Opaque:
    """A class that pydantic does not know."""


class Special(Opaque):
    """A subclass."""


class Box(Generic[T]):
    """A generic class."""


class Row(TypedDict):
    name: str
    count: int


class PartialRow(Row, total=False):
    note: str
    opaque: Opaque
    rows: list[Row]


class MarkedRow(TypedDict):
    name: str
    note: typing_extensions.NotRequired[str]


class BrokenRow(TypedDict):
    name: NoSuchName  # noqa: F821


class Tree(typing_extensions.TypedDict):
    children: list[Tree]


class TypingTree(TypedDict):
    children: list[TypingTree]


class ClosedRow(TypedDict):
    __pydantic_config__ = ConfigDict(extra="forbid")
    name: str


class ExtensionsRow(typing_extensions.TypedDict):
    name: str


@dataclass
class Point:
    x: int
    opaque: Opaque | None = None


class Pair(NamedTuple):
    left: int
    right: int


class Model(BaseModel):
    x: int


class Level(enum.Enum):
    LOW = 1


@runtime_checkable
class Closable(Protocol):
    def close(self): ...


class Readable(Protocol):
    def read(self): ...


class File:
    """Follows both protocols."""

    def close(self): ...

    def read(self): ...


class Unknown:
    """A constraint that tells pydantic that it cannot be checked."""

    def __get_pydantic_core_schema__(self, source, handler):
        raise PydanticSchemaGenerationError("no schema")

    def __repr__(self):
        return "Unknown()"


class Shape(abc.ABC):
    @abc.abstractmethod
    def area(self): ...


UserId = NewType("UserId", int)


def accepted(value, declared):
    try:
        check_type(value, declared)
    except OutputTypeError:
        return False
    return True


CLASSES = [
    (1, int, True),
    (True, int, True),
    (1.0, int, False),
    ("1", int, False),
    (1, str, False),
    ("a", str, True),
    (b"a", str, False),
    (None, str, False),
    (1, bool, False),
    ([1, "a"], list, True),
    ((1,), list, False),
    ({"a": 1}, dict, True),
    ({"a": 1}, collections.abc.Mapping, True),
    ([1], collections.abc.Mapping, False),
    (Special(), Opaque, True),
    (Opaque(), Special, False),
    (Box(), Box, True),
    (Point(1), Point, True),
    ({"x": 1}, Point, False),
    (Pair(1, 2), Pair, True),
    ((1, 2), Pair, False),
    (Model(x=1), Model, True),
    ({"x": 1}, Model, False),
    (Level.LOW, Level, True),
    (1, Level, False),
    (File(), Shape, False),
    (Path("a"), PurePath, True),
    ("a", Path, False),
    (datetime.datetime(2024, 1, 1), datetime.date, True),
    (int, type, True),
    (None, type(None), True),
]

NUMBERS = [
    (1, float, True),
    (1.0, float, True),
    (1j, float, False),
    ("1", float, False),
    (1, complex, True),
    (1.0, complex, True),
    (1j, complex, True),
    ("1", complex, False),
    ([1, 1.0], list[float], True),
    ([1j], list[float], False),
    ([1, 1.0, 1j], list[complex], True),
    (1, float | None, True),
    (1.0, int | None, False),
]

ANNOTATIONS = [
    ([1, 2], list[int], True),
    ([], list[int], True),
    ([1, "2"], list[int], False),
    ([1.0], list[int], False),
    ((1,), list[int], False),
    ({"a": [1]}, dict[str, list[int]], True),
    ({"a": ["1"]}, dict[str, list[int]], False),
    ({1: [1]}, dict[str, list[int]], False),
    ((1, "a"), tuple[int, str], True),
    ((1,), tuple[int, str], False),
    ((1, 2, 3), tuple[int, ...], True),
    ([1], tuple[int, ...], False),
    ({1}, set[int], True),
    ([1], set[int], False),
    ([1], collections.abc.Sequence[int], True),
    ((1,), collections.abc.Sequence[int], True),
    (["1"], collections.abc.Sequence[int], False),
    ([Special()], list[Opaque], True),
    ([1], list[Opaque], False),
    ([Path("a")], list[Path], True),
    (["a"], list[Path], False),
    ([Point(1, Opaque())], list[Point], True),
    ([{"x": 1}], list[Point], False),
    ([Model(x=1)], list[Model], True),
    ([{"x": 1}], list[Model], False),
    (Model(x=1), Model | None, True),
    ({"x": 1}, Model | None, False),
    ({"k": {"x": 1}}, dict[str, Model], False),
    ([Level.LOW], list[Level], True),
    ([1], list[Level], False),
    (None, Optional[int], True),  # noqa: UP045
    (1, Optional[int], True),  # noqa: UP045
    ("1", Optional[int], False),  # noqa: UP045
    (None, int | None, True),
    ("1", int | None, False),
    ("a", Union[int, str], True),  # noqa: UP007
    (1, int | str, True),
    (1.0, int | str, False),
    (None, None, True),
    (0, None, False),
    ("a", Literal["a", "b"], True),
    ("c", Literal["a", "b"], False),
    (1, UserId, True),
    ("1", UserId, False),
    (int, type[int], True),
    (str, type[int], False),
    (Box(), Box[int], True),
    (1, Box[int], False),
    ({"anything": object()}, dict[str, Any], True),
]

ANNOTATED = [
    (1, Annotated[int, "a note"], True),
    ("1", Annotated[int, "a note"], False),
    (1, Annotated[int, Field(gt=0)], True),
    (0, Annotated[int, Field(gt=0)], False),
    ([1, 0], list[Annotated[int, Field(gt=0)]], False),
    (1, Annotated[int, ["not hashable"]], True),
    ("1", Annotated[int, ["not hashable"]], False),
    ([1], list[Annotated[int, {"not": "hashable"}]], True),
    (1, Annotated[int, Strict()], True),
    ("ab", Annotated[str, StringConstraints(pattern="^a", min_length=2)], True),
    ("b", Annotated[str, StringConstraints(pattern="^a")], False),
    ([1], Annotated[list[int], Field(min_length=2)], False),
    (["1"], Annotated[list[int], "a note"], False),
    ({"x": 1}, Annotated[Model, "a note"], False),
    (Model(x=1), Annotated[Model, "a note"], True),
    ("1", Annotated[complex, "a note"], False),
    (1, Annotated[Any, "a note"], True),
]

TYPED_DICTS = [
    ({"name": "a", "count": 1}, Row, True),
    ({"name": "a", "count": "1"}, Row, False),
    ({"name": "a"}, Row, False),
    ([("name", "a"), ("count", 1)], Row, False),
    ({"name": "a", "count": 1}, PartialRow, True),
    ({"name": "a", "count": 1, "note": "b", "opaque": Opaque(), "rows": []}, PartialRow, True),
    ({"name": "a", "count": 1, "note": 1}, PartialRow, False),
    ({"name": "a", "count": 1, "opaque": 1}, PartialRow, False),
    ({"name": "a", "count": 1, "rows": [{"name": "b"}]}, PartialRow, False),
    ({"note": "b"}, PartialRow, False),
    ({"name": "a"}, MarkedRow, True),
    ({"name": "a", "note": 1}, MarkedRow, False),
    ({"children": [{"children": []}]}, Tree, True),
    ({"children": [{"children": [1]}]}, Tree, False),
    ({"name": "a"}, ClosedRow, True),
    ({"name": "a", "more": 1}, ClosedRow, False),
    ({"name": "a", "more": 1}, MarkedRow, True),
    ({"name": "a"}, ExtensionsRow, True),
    ({"name": 1}, ExtensionsRow, False),
    ([{"name": "a", "count": 1}], list[Row], True),
    ([{"name": "a", "count": "1"}], list[Row], False),
    ({"k": {"name": "a", "count": 1}}, dict[str, Row], True),
    (({"name": "a"},), tuple[MarkedRow, ...], True),
    (None, Row | None, True),
    ({"name": "a"}, Row | None, False),
    ({"name": "a"}, Optional[MarkedRow], True),  # noqa: UP045
    ({"name": "a", "count": 1}, Annotated[Row, "a note"], True),
    ("x", Union[Row, Literal["x"]], True),  # noqa: UP007
]

PROTOCOLS = [(File(), Closable, True), (1, Closable, False), ([File()], list[Closable], True)]


@pytest.mark.parametrize(
    ("value", "declared", "is_accepted"),
    [*CLASSES, *NUMBERS, *ANNOTATIONS, *ANNOTATED, *TYPED_DICTS, *PROTOCOLS],
    ids=shown,
)
def test_a_value_is_accepted_only_as_what_it_is(value, declared, is_accepted):
    assert accepted(value, declared) is is_accepted


@pytest.mark.parametrize("declared", [Any, object])
@given(value=json_values | st.builds(object))
def test_a_declaration_of_anything_accepts_anything(declared, value):
    assert accepted(value, declared)


# Never coerced, never copied


PLAIN_CLASSES = [int, float, complex, str, bool, list, dict, type(None)]
TOWER = {float: (int, float), complex: (int, float, complex)}


@given(json_values | st.complex_numbers(), st.sampled_from(PLAIN_CLASSES))
def test_a_class_accepts_its_instances_and_the_narrower_numbers(value, declared):
    assert accepted(value, declared) == isinstance(value, TOWER.get(declared, declared))


CLASSES_AT_ODDS_WITH_PYDANTIC = [
    *PLAIN_CLASSES,
    Decimal,
    Fraction,
    bytes,
    collections.defaultdict,
    datetime.date,
    datetime.datetime,
    frozenset,
    re.Pattern,
    tuple,
    Level,
    Model,
    Opaque,
    Pair,
    Path,
    Point,
]
VALUES_AT_ODDS_WITH_PYDANTIC = [
    Decimal(1),
    Fraction(1),
    b"1",
    collections.defaultdict(int),
    datetime.date(2024, 1, 1),
    datetime.datetime(2024, 1, 1),
    "2024-01-01",
    {1, 2},
    frozenset([1, 2]),
    re.compile("a"),
    (1, 2),
    [1, 2],
    {"left": 1, "right": 2},
    {"x": 1},
    True,
    "1",
    Level.LOW,
    Model(x=1),
    Opaque(),
    Special(),
    Pair(1, 2),
    Pair("not", "checked"),
    Path("a"),
    Point(1),
]


@given(
    scalars | st.complex_numbers() | st.sampled_from(VALUES_AT_ODDS_WITH_PYDANTIC),
    st.sampled_from(CLASSES_AT_ODDS_WITH_PYDANTIC),
)
def test_a_class_means_the_same_wherever_it_stands(value, declared):
    alone = accepted(value, declared)
    assert accepted([value], list[declared]) == alone
    assert accepted({"a": value}, dict[str, declared]) == alone
    assert accepted((value, 1), tuple[declared, int]) == alone
    assert accepted({"field": value}, typing_extensions.TypedDict("Row", {"field": declared})) == alone
    assert accepted(value, declared | None) == (alone or value is None)


@given(
    scalars | st.complex_numbers() | st.sampled_from(VALUES_AT_ODDS_WITH_PYDANTIC),
    st.sampled_from([*PLAIN_CLASSES, Model, Pair, Point, re.Pattern, Opaque]),
)
def test_a_constraint_takes_nothing_that_the_class_refuses(value, declared):
    assert accepted([value], list[Annotated[declared, "a note"]]) <= accepted(value, declared)


def parts_of(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [value, *(part for each in inner for part in parts_of(each))]


@given(
    nested(scalars | st.builds(Point, st.integers())),
    st.sampled_from(
        [
            list[Any],
            dict[str, Any],
            list[dict[str, Any]],
            list[float],
            dict[str, float] | list[int],
            Any,
            list,
        ]
    ),
)
def test_the_value_stays_the_same_object_with_the_same_parts(value, declared):
    before, identities = pickle.dumps(value), [id(part) for part in parts_of(value)]
    accepted(value, declared)
    assert [id(part) for part in parts_of(value)] == identities
    assert pickle.dumps(value) == before


def test_what_a_validator_makes_of_the_value_is_thrown_away():
    value = [1]
    assert check_type(value, list[Annotated[int, AfterValidator(str)]]) is None
    assert value == [1]


def test_a_validator_does_not_make_a_value_of_another_type_good():
    assert not accepted(["1"], list[Annotated[int, BeforeValidator(int)]])


# Messages


def test_a_refusal_names_the_type_the_value_and_the_remedy():
    with pytest.raises(OutputTypeError) as caught:
        check_type("x", int)
    assert str(caught.value) == (
        "expected a value of type int, received 'x' of type str. "
        "Values are never coerced: convert the value, or correct the declared type."
    )


def test_a_refusal_inside_a_container_names_the_place_and_the_reason():
    with refused(
        OutputTypeError,
        "expected a value of type dict[str, list[int]], received {'a': [1, 'x']} of type dict "
        "(['a'][1]: Input should be an instance of int). Values are never coerced",
    ):
        check_type({"a": [1, "x"]}, dict[str, list[int]])


def test_a_refusal_of_the_whole_value_names_no_place():
    with refused(OutputTypeError, "received 'x' of type str (Input should be a valid list). Values"):
        check_type("x", list[int])


def test_a_refusal_of_every_member_of_a_union_names_the_place_in_the_value():
    with refused(OutputTypeError, "received 1.0 of type float (Input should be an instance of int). Values"):
        check_type(1.0, int | str)
    with refused(OutputTypeError, "(['a']: Input should be an instance of int). Values"):
        check_type({"a": 1.0}, dict[str, int | None])


def test_a_refusal_of_a_missing_field_names_the_field():
    with refused(OutputTypeError, "received {'name': 'a'} of type dict (['count']: Field required). Values"):
        check_type({"name": "a"}, Row)


@pytest.mark.parametrize("declared", [int, list[int]])
def test_a_long_value_is_shown_in_part(declared):
    with refused(OutputTypeError, f"received '{'x' * 116}... of type str"):
        check_type("x" * 121, declared)
    with refused(OutputTypeError, f"received '{'x' * 118}' of type str"):
        check_type("x" * 118, declared)


# Types that cannot be checked


@pytest.mark.parametrize(
    "declared",
    [
        "NoSuchName",
        list["NoSuchName"],  # noqa: F821
        5,
        list[5],
        Opaque(),
        ClassVar[int],
        typing_extensions.Never,
        Readable,
        list[Readable],
        Annotated[int, Unknown()],
        BrokenRow,
    ],
    ids=shown,
)
def test_what_is_no_checkable_type_is_refused_for_every_value(declared):
    for value in (1, [], [1], File(), [File()]):
        with refused(DeclarationError, f"the declared type {declared!r} cannot be checked: ") as caught:
            check_type(value, declared)
        assert caught.value.remedy == (
            "Declare a class, an ordinary annotation or a @runtime_checkable protocol, "
            "or Any to check nothing."
        )
        assert "\n" not in str(caught.value)


def test_a_typed_dict_that_holds_itself_is_checked_where_python_lets_pydantic_do_it():
    if sys.version_info >= (3, 12):
        assert accepted({"children": [{"children": []}]}, TypingTree)
        assert not accepted({"children": [{"children": [1]}]}, TypingTree)
    else:
        with refused(DeclarationError, "cannot be checked: Please use `typing_extensions.TypedDict`"):
            check_type({"children": []}, TypingTree)
