"""The codecs of declared types: what goes through JSON comes back as it was, also in another process."""

from __future__ import annotations

import dataclasses
import enum
import json
import subprocess
import sys
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypeVar, Union
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr
from typing_extensions import NotRequired, TypedDict

from airflow_dynamic_provider.definitions.codecs.codec import MisfitError
from airflow_dynamic_provider.definitions.codecs.making import codec_of
from airflow_dynamic_provider.definitions.declarations import has_types, is_plain

pytestmark = pytest.mark.pure

T = TypeVar("T")
Dollars = NewType("Dollars", Decimal)


class Colour(enum.Enum):
    RED = (255, 0, 0)
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Point(NamedTuple):
    x: int
    at: Path | None = None


class Row(TypedDict):
    when: datetime
    tags: NotRequired[set[str]]


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    at: datetime
    wait: timedelta = timedelta(0)


@dataclasses.dataclass
class Tree:
    """Refers to itself, and has fields that the constructor does not take and a derived attribute."""

    name: str
    children: list[Tree] = dataclasses.field(default_factory=list)
    parts: dict[Colour, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    seen: int = dataclasses.field(init=False, default=0)
    size: int = dataclasses.field(init=False)

    def __post_init__(self):
        self.size = 1 + sum(child.size for child in self.children)
        self.shout = self.name.upper()


@dataclasses.dataclass(kw_only=True)
class WithSeed:
    """Needs an argument that is no field."""

    seed: dataclasses.InitVar[int]
    number: int = 0

    def __post_init__(self, seed):
        self.number = self.number or seed


@dataclasses.dataclass
class Box(Generic[T]):
    content: T
    others: list[T] = dataclasses.field(default_factory=list)


class Model(BaseModel):
    rates: dict[tuple[int, str], Decimal] = Field(default={}, alias="Rates")
    data: bytes = b""
    frozen: Frozen | None = None


class Open(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    at: datetime


zones = st.sampled_from(
    [None, timezone.utc, timezone(timedelta(hours=5, minutes=30)), ZoneInfo("Europe/Berlin")]
)
datetimes = st.builds(
    lambda moment, zone, fold: moment.replace(tzinfo=zone, fold=fold),
    st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2030, 1, 1)),
    zones,
    st.integers(0, 1),
)
texts, numbers = st.text(max_size=3), st.integers(-(2**60), 2**60)
paths = st.sampled_from([Path("a/b"), Path("."), Path("/x")])
decimals = st.decimals(allow_nan=False, allow_infinity=False)
points = st.builds(Point, numbers, st.none() | paths)
frozen = st.builds(Frozen, datetimes, st.timedeltas())
trees = st.recursive(
    st.builds(Tree, texts),
    lambda inner: st.builds(
        Tree,
        texts,
        st.lists(inner, max_size=2),
        st.dictionaries(st.sampled_from(Colour), st.tuples(numbers), max_size=2),
    ),
    max_leaves=4,
)
models = st.builds(
    lambda rates, data, each: Model(Rates=rates, data=data, frozen=each),
    st.dictionaries(st.tuples(numbers, texts), decimals, max_size=2),
    st.binary(max_size=4),
    st.none() | frozen,
)


def leaf_types():
    """Strategies of (type, strategy of its values)."""
    return st.sampled_from(
        [
            (int, numbers),
            (str, texts),
            (bool, st.booleans()),
            (float, st.floats(allow_nan=False)),
            (type(None), st.none()),
            (datetime, datetimes),
            (date, st.dates()),
            (
                time,
                st.times(timezones=st.sampled_from([None, timezone.utc])).map(lambda at: at.replace(fold=0)),
            ),
            (timedelta, st.timedeltas()),
            (Decimal, decimals),
            (bytes, st.binary(max_size=4)),
            (complex, st.complex_numbers(allow_nan=False)),
            (UUID, st.uuids()),
            (Path, paths),
            (IPv4Address, st.ip_addresses(v=4)),
            (Colour, st.sampled_from(Colour)),
            (Level, st.sampled_from(Level)),
            (Mode, st.sampled_from([Mode.READ, Mode.READ | Mode.WRITE, Mode(0)])),
            (Point, points),
            (Frozen, frozen),
            (Tree, trees),
            (Model, models),
            (Row, st.fixed_dictionaries({"when": datetimes}, optional={"tags": st.sets(texts, max_size=2)})),
            (Box[Path], st.builds(Box, paths, st.lists(paths, max_size=2))),
            (Dollars, decimals),
            (Annotated[Path, "a note"], paths),
            (Literal["a", 1, None, Colour.RED], st.sampled_from(["a", 1, None, Colour.RED])),
        ]
    )


HASHABLE = (int, str, bytes, Decimal, Path, Colour, Level, Point, date, timedelta)


def containers(inner):
    """Strategies of containers of other types."""

    def of(each):
        declared, values = each
        made = [
            (list[declared], st.lists(values, max_size=3)),
            (tuple[declared, ...], st.lists(values, max_size=3).map(tuple)),
            (tuple[int, declared], st.tuples(numbers, values)),
            (deque[declared], st.lists(values, max_size=2).map(deque)),
            (dict[str, declared], st.dictionaries(texts, values, max_size=2)),
            (dict[int, declared], st.dictionaries(numbers, values, max_size=2)),
            (dict[Point, declared], st.dictionaries(points, values, max_size=2)),
            (OrderedDict[str, declared], st.dictionaries(texts, values, max_size=2).map(OrderedDict)),
            (Optional[declared], st.none() | values),  # noqa: UP045 (not all types have |)
            (Union[declared, Path, bytes, None], values | paths | st.binary(max_size=2)),  # noqa: UP007
            (Sequence[declared], st.lists(values, max_size=2) | st.lists(values, max_size=2).map(tuple)),
            (Mapping[str, declared], st.dictionaries(texts, values, max_size=2)),
            (Box[declared], st.builds(Box, values, st.lists(values, max_size=2))),
        ]
        if declared in HASHABLE:
            made += [
                (set[declared], st.sets(values, max_size=3)),
                (frozenset[declared], st.frozensets(values, max_size=3)),
                (dict[declared, int], st.dictionaries(values, numbers, max_size=2)),
            ]
        return st.sampled_from(made)

    return inner.flatmap(of)


typed_values = st.recursive(leaf_types(), containers, max_leaves=3).flatmap(
    lambda each: st.tuples(st.just(each[0]), each[1])
)


def same(value, back):
    """Whether two values are equal, and of the same classes, zones and order throughout."""
    if type(value) is not type(back):
        return False
    if isinstance(value, datetime):
        return value == back and value.tzinfo == back.tzinfo and value.fold == back.fold
    if isinstance(value, (list, tuple, deque)):
        return len(value) == len(back) and all(map(same, value, back))
    if isinstance(value, dict):
        return all(map(same, value, back)) and all(map(same, value.values(), back.values()))
    if dataclasses.is_dataclass(value):
        return all(
            same(getattr(value, each.name), getattr(back, each.name)) for each in dataclasses.fields(value)
        )
    return value == back


def through_json(value, declared):
    codec = codec_of(declared)
    return codec.decode(json.loads(json.dumps(codec.encode(value))))


@settings(max_examples=150, deadline=None)
@given(typed_values)
def test_every_value_of_every_type_comes_back_as_it_was(each):
    declared, value = each
    assert same(value, through_json(value, declared))


def test_members_of_a_union_that_differ_in_notes_only_are_one():
    declared = Union[Annotated[Path, "a note"], Path, Dollars, Decimal, None]  # noqa: UP007
    for value in (Path("a/b"), Decimal("1.10"), None):
        assert same(value, through_json(value, declared))
    assert through_json(Path("a/b"), Union[Annotated[Path, "a note"], Path, None]) == Path("a/b")  # noqa: UP007


#: Type, value, stored form. Releases must go on to read these forms.
FORMS = [
    (Colour, Colour.RED, "RED"),
    (Mode, Mode.READ | Mode.WRITE, 3),
    (Path, Path("a/b"), "a/b"),
    (bytes, b"\xff", "/w=="),
    (Decimal, Decimal("1.10"), "1.10"),
    (timedelta, timedelta(1, 2, 3), [1, 2, 3]),
    (datetime, datetime(2026, 1, 1, tzinfo=timezone.utc), "2026-01-01T00:00:00+00:00"),
    (
        datetime,
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        {"at": "2026-10-25T02:30:00+01:00", "zone": "Europe/Berlin", "fold": 1},
    ),
    (tuple[int, Path], (1, Path("a")), [1, "a"]),
    (set[Colour], {Colour.RED, Colour.BLUE}, ["BLUE", "RED"]),
    (dict[str, Path], {"a": Path("b")}, {"a": "b"}),
    (dict[int, Path], {1: Path("b")}, [[1, "b"]]),
    (OrderedDict[str, int], OrderedDict(b=1, a=2), [["b", 1], ["a", 2]]),
    (Path | bytes | int, b"x", {"$of": "bytes", "value": "eA=="}),
    (Path | bytes | int, 3, 3),
    (Point, Point(1, Path("a")), {"x": 1, "at": "a"}),
    (Box[Path], Box(Path("a")), {"content": "a", "others": []}),
    (
        Open,
        Open(at=datetime(2026, 1, 1), b=2),
        {"fields": {"at": "2026-01-01T00:00:00"}, "set": ["at", "b"], "extra": {"b": 2}},
    ),
]


@pytest.mark.parametrize(("declared", "value", "form"), FORMS)
def test_the_stored_forms(declared, value, form):
    codec = codec_of(declared)
    assert codec.encode(value) == form
    assert same(value, codec.decode(form))


def test_the_module_of_a_class_is_not_stored():
    form = codec_of(list[Path] | dict[str, Box[Colour]]).encode({"a": Box(Colour.RED)})
    assert form["$of"] == "dict[str, Box[Colour]]"
    assert __name__ not in json.dumps(form)


def test_what_is_derived_and_what_was_changed_come_back():
    tree = Tree("a", [Tree("b")])
    tree.seen, tree.size = 7, 70
    back = through_json(tree, Tree)
    assert (back.seen, back.size, back.shout) == (7, 70, "A")
    assert through_json(WithSeed(seed=3), WithSeed) == WithSeed(seed=3)
    opened = Open(at=datetime(2026, 1, 1), other=[1])
    assert through_json(opened, Open).model_dump() == opened.model_dump()
    assert through_json(Model(data=b"x"), Model).model_fields_set == {"data"}


@dataclasses.dataclass(frozen=True)
class Special(Frozen):
    more: int = 0


class Hidden(BaseModel):
    _secret: int = PrivateAttr(default=0)


def hidden():
    made = Hidden()
    made._secret = 3
    return made


def with_attribute():
    made = Box(1)
    made.note = "x"
    return made


class Words(dict):
    pass


MISFITS = [
    (Special(datetime(2026, 1, 1)), Frozen, "an object of Special would come back as Frozen"),
    (Box("a"), Box[Path], "'a' of type str is not of the declared type Path, at .content"),
    ({"a": [1, b"x"]}, dict[str, list[Path | int]], "b'x' of type bytes is not of the declared type"),
    (hidden(), Hidden, "the private attribute '_secret' of Hidden would be lost"),
    (with_attribute(), Box[int], "the attribute 'note' is not a field of"),
    (deque([1], maxlen=3), deque[int], "would lose its maxlen"),
    (Words(a=1), dict[int, int], "is not of the declared type dict[int, int]"),
    ((1, 2), list[Path], "(1, 2) of type tuple is not of the declared type"),
]


@pytest.mark.parametrize(("value", "declared", "problem"), MISFITS)
def test_what_would_come_back_as_something_else_is_refused_with_its_place(value, declared, problem):
    with pytest.raises(MisfitError) as caught:
        codec_of(declared).encode(value)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "form"),
    [
        (Colour, "GREEN"),
        (Path, 3),
        (datetime, "yesterday"),
        (list[Path], {"a": 1}),
        (Tree, {"name": "a", "colour": 1}),
        (Point, []),
        (Path | bytes, {"$of": "Other", "value": 1}),
        (tuple[Path, int], ["a"]),
        (dict[int, Path], [1]),
    ],
)
def test_a_form_of_another_type_is_refused(declared, form):
    with pytest.raises(MisfitError):
        codec_of(declared).decode(form)


@pytest.mark.parametrize(
    "annotation",
    [
        "str",
        "list[str]",
        "dict[str, int] | None",
        "Optional[Dict[str, Any]]",
        int,
        list[int],
        Any,
        None,
        dict,
        object,
    ],
)
def test_types_of_json_are_known_without_evaluation(annotation):
    assert is_plain(annotation)


@pytest.mark.parametrize(
    "annotation",
    ["Path", "dict[int, str]", "dict[Colour, str]", list[Path], tuple[int, str], "set[str]", Point],
)
def test_other_types_are_evaluated(annotation):
    assert not is_plain(annotation)


def test_a_function_has_types_if_one_of_its_annotations_is_not_of_json():
    def plain(a: int, b: list[str], c=None) -> dict:
        return {}

    def typed(a: Path) -> None:
        return None

    assert not has_types(plain)
    assert has_types(typed)


ELSEWHERE = """
import json, sys
from tests.pure import test_codecs as these
from airflow_dynamic_provider.definitions.codecs.making import codec_of
for name, form in json.load(sys.stdin).items():
    declared = these.FIXED[name][0]
    print(name, these.same(codec_of(declared).decode(form), these.FIXED[name][1]))
    print(json.dumps(codec_of(declared).encode(these.FIXED[name][1])))
"""

FIXED = {
    "tree": (Tree, Tree("a", [Tree("b", parts={Colour.RED: (1, 2)})])),
    "sets": (dict[str, set[Point]], {"a": {Point(1, Path("x")), Point(2), Point(3)}}),
    "model": (Model, Model(Rates={(1, "x"): Decimal("1.10")}, data=b"\xff")),
    "row": (
        Row,
        {"when": datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")), "tags": {"q", "z"}},
    ),
    "path": (PurePosixPath, PurePosixPath("a/b")),
}


def test_another_process_with_another_hash_seed_reads_and_writes_the_same():
    forms = {name: codec_of(declared).encode(value) for name, (declared, value) in FIXED.items()}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=json.dumps(forms),
        env={"PYTHONHASHSEED": "12345", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[::2] == [f"{name} True" for name in FIXED]
    assert list(map(json.loads, lines[1::2])) == json.loads(json.dumps(list(forms.values())))
