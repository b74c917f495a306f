"""All kinds of values in all places: what a declaration or an annotation says is what arrives.

Without a type, a value comes back as it was, or the task that produces it fails.
"""

from __future__ import annotations

import dataclasses
import enum
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypedDict
from zoneinfo import ZoneInfo

import pytest
from airflow.sdk import task
from pydantic import BaseModel, TypeAdapter
from typing_extensions import Unpack  # noqa: TC002 (annotations are evaluated)

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.cache.entries import value_from_json, value_to_json
from airflow_dynamic_provider.errors import ParameterTypeError, UnstorableOutputError
from airflow_dynamic_provider.execution.collected import CollectedMapping, CollectedSequence
from airflow_dynamic_provider.execution.typed_calls import typed, typed_arguments
from airflow_dynamic_provider.execution.typed_values import stored_form, stored_parts, value_of

pytestmark = pytest.mark.task


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Point(NamedTuple):
    x: int
    at: Path | None = None


class Model(BaseModel):
    rates: dict[int, Decimal] = {}
    wait: timedelta = timedelta(0)


class Stamped(BaseModel):
    at: datetime


@dataclasses.dataclass
class Config:
    name: str
    colour: Colour | None = None
    points: list[Point] = dataclasses.field(default_factory=list)
    length: int = dataclasses.field(init=False, default=-1)

    def __post_init__(self):
        self.length = len(self.points)


@dataclasses.dataclass
class Everything:
    config: Config
    colour: Colour
    model: Model
    ordered: OrderedDict[str, bytes]
    numbered: dict[int, tuple[int, str]]
    parts: set[date]
    data: bytes = b""
    cost: Decimal | None = None
    at: datetime | None = None


CONFIG = Config("a", Colour.RED, [Point(1, Path("a/b")), Point(2)])
BERLIN = datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin"))

#: Name -> type and value.
KINDS: dict[str, tuple[Any, Any]] = {
    "dataclass": (Config, CONFIG),
    "optional dataclass": (Config | None, CONFIG),
    "enum": (Colour, Colour.BLUE),
    "named tuple": (Point, Point(1, Path("x"))),
    "model": (Model, Model(rates={1: Decimal("1.10")}, wait=timedelta(1, 2, 3))),
    "zone": (datetime, BERLIN),
    "naive": (datetime, datetime(2026, 1, 1)),
    "offset": (datetime, datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))),
    # Pydantic has a class of its own for the time zones of JSON.
    "offset of pydantic": (datetime, TypeAdapter(datetime).validate_json('"2026-01-01T00:00:00Z"')),
    "model with offset": (Stamped, Stamped.model_validate_json('{"at": "2026-01-01T02:00:00+02:00"}')),
    "date": (date, date(2026, 1, 1)),
    "timedelta": (timedelta, timedelta(1, 2, 3)),
    "decimal": (Decimal, Decimal("1.10")),
    "bytes": (bytes, b"\xff\x00"),
    "path": (Path, Path("a/b")),
    "ordered": (OrderedDict[str, int], OrderedDict(b=1, a=2)),
    "int keys": (dict[int, str], {1: "x"}),
    "tuple": (tuple[int, str], (1, "x")),
    "any tuple": (tuple[Path, ...], (Path("a"), Path("b"))),
    "set": (set[int], {1, 2}),
    "frozenset": (frozenset[str], frozenset({"a"})),
    "list": (list[Config], [CONFIG]),
    "dict": (dict[str, Config], {"a": CONFIG}),
    "everything": (
        Everything,
        Everything(
            *(CONFIG, Colour.RED, Model(), OrderedDict(z=b"z", a=b"a"), {3: (1, "x")}),
            *({date(2026, 1, 1)}, b"\xff", Decimal("0.10"), BERLIN),
        ),
    ),
}


#: The kinds of which JSON says all: a time in it has no name of a zone, and bytes are UTF-8.
OF_JSON = {
    **{kind: each for kind, each in KINDS.items() if kind != "zone"},
    "bytes": (bytes, b"ab"),
    "everything": (
        Everything,
        dataclasses.replace(KINDS["everything"][1], data=b"ab", at=datetime(2026, 1, 1)),
    ),
}


def same(value: Any, other: Any) -> bool:
    """Return whether two values are equal, of the same classes, with their parts."""
    if type(value) is not type(other):
        return False
    if type(value).__name__ == "DataFrame":
        return value.equals(other)
    if isinstance(value, dict):
        if list(value) != list(other) if isinstance(value, OrderedDict) else value.keys() != other.keys():
            return False
        return all(same(value[key], other[key]) for key in value) and same(list(value), list(other))
    if isinstance(value, (list, tuple)):
        return len(value) == len(other) and all(map(same, value, other))
    if isinstance(value, datetime):
        # Airflow has a class of its own for UTC.
        is_utc = value.utcoffset() == timedelta(0)
        are_alike = (value.isoformat(), value.fold) == (other.isoformat(), other.fold)
        return are_alike and (is_utc or value.tzinfo == other.tzinfo)
    return repr(value) == repr(other) if isinstance(value, (set, Decimal)) else bool(value == other)


def through_xcom(form: Any) -> Any:
    return xcom.deserialize(json.loads(json.dumps(xcom.serialize(form))))


def through_cache(form: Any) -> Any:
    return value_from_json(json.loads(json.dumps(value_to_json(form))))


def through_workflow(declared: Any, value: Any) -> Any:
    """Return what a workflow returns, whose body and nodes take and return the value."""

    def check(given):
        assert same(given, value), given
        return given

    def give(given):
        return check(given)

    def also(given):
        return [check(given), check(CONSTANTS[0])]

    def body(given):
        first = node(check(given))
        return first, second(first)

    CONSTANTS[:] = [value]
    give.__annotations__ = {"given": declared, "return": declared}
    also.__annotations__ = {"given": declared, "return": list[declared]}
    body.__annotations__ = {"given": declared, "return": tuple[declared, list[declared]]}
    node, second = task(give), task(also)
    alone, listed = dynamic_workflow(tasks=[node, second])(body).local(value)
    assert same(listed, [value, value])
    return alone


CONSTANTS: list[Any] = []

PLACES = {
    "output": lambda declared, value: value_of(through_xcom(stored_form(value, declared)), declared),
    "expanded": lambda declared, value: value_of(through_xcom(stored_parts(value, declared)), declared),
    "cache": lambda declared, value: value_of(through_cache(stored_form(value, declared)), declared),
    "workflow": through_workflow,
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_declared_type_arrives_everywhere(kind, place):
    declared, value = KINDS[kind]
    assert same(PLACES[place](declared, value), value)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_without_a_type_a_value_arrives_or_the_task_that_produces_it_fails(kind, place):
    _, value = KINDS[kind]
    if kind == "decimal":
        # Airflow stores the number, and not how many zeros it ends with.
        value = Decimal("1.5")
    try:
        back = PLACES[place](Any, value)
    except UnstorableOutputError as error:
        assert "Or declare its type" in str(error)  # noqa: PT017 (it may also arrive)
    else:
        assert same(back, value)


def of_json(declared, value):
    """Return what a task without declared types returns for a value."""
    return json.loads(TypeAdapter(declared).dump_json(value))


def lazily(values, read):
    """Return a lazy collection that notes in ``read`` what is read of it."""

    def page(start, stop):
        read.append((start, stop))
        return values[start:stop]

    return CollectedSequence(len(values), page)


def taken(declared, *args, **kwargs):
    """Return the first argument of a function whose parameter is annotated."""

    def function(values):
        return values

    function.__annotations__ = {"values": declared}
    return typed(function, "collector", keep=None)(*args, **kwargs)


@pytest.mark.parametrize("kind", OF_JSON)
def test_a_collector_takes_plain_json_and_objects_as_its_annotations_say(kind):
    declared, value = OF_JSON[kind]
    plain = of_json(declared, value)
    for form in (plain, value):
        assert same(taken(list[declared], [form, plain]), [value, value])
        for abstract in (Sequence, Iterable):
            assert same(taken(abstract[declared], [form, plain]), [value, value])
        for keyed in (dict, Mapping):
            assert same(taken(keyed[str, declared], {"a": form, "b": plain}), {"a": value, "b": value})
        assert same(
            taken(dict[str, dict[str, declared]], {"x": {"a": form}, "y": {}}), {"x": {"a": value}, "y": {}}
        )
        # A pair of a join, of which an outer zip may lack one side.
        pair = tuple[declared, Path | None]
        pairs = [[form, Path("x")], [form, "x"], [form, None]]
        assert same(taken(list[pair], pairs), [(value, Path("x"))] * 2 + [(value, None)])


@pytest.mark.parametrize("kind", OF_JSON)
def test_a_lazy_collection_stays_lazy_and_its_values_are_converted_when_they_are_read(kind):
    declared, value = OF_JSON[kind]
    forms, read = [of_json(declared, value), value], []
    for annotation in (Sequence[declared], list[declared], Iterable[declared]):
        values = taken(annotation, lazily(forms, read))
        assert (type(values), read) == (CollectedSequence, [])
        assert same(list(values), [value, value])
        read.clear()
    by_key = taken(Mapping[str, declared], CollectedMapping({"a": 1, "b": 0}, lazily(forms, read)))
    assert (type(by_key), list(by_key), read) == (CollectedMapping, ["a", "b"], [])
    assert same(by_key["b"], value)
    read.clear()
    below = {"x": CollectedMapping({"a": 0}, lazily(forms, read))}
    nested = taken(dict[str, Mapping[str, declared]], below)
    several = taken(list[Sequence[declared]], [lazily(forms, read)])
    assert read == []
    assert same(nested["x"]["a"], value)
    assert same(several[0][1], value)


class Named(TypedDict):
    first: Path
    second: Config


@pytest.mark.parametrize("kind", OF_JSON)
def test_further_arguments_are_taken_as_the_annotations_say(kind):
    declared, value = OF_JSON[kind]
    plain = of_json(declared, value)

    def function(first: int, *others, path: Path | None = None, **named):
        return first, others, path, named

    function.__annotations__ |= {"others": declared, "named": declared}
    given = {"a": plain, "b": value, "ti": 3, "path": "a/b"}
    args, kwargs = typed_arguments(function, [1, plain, value, None], given, "t")
    assert kwargs["path"] == Path("a/b")
    assert args[0] == 1
    assert args[3] is None
    assert same([args[1], args[2], kwargs["a"], kwargs["b"], kwargs["ti"]], [value] * 4 + [3])


def test_named_arguments_may_each_have_a_type():
    def function(**named: Unpack[Named]):
        return named

    given = {"first": "a/b", "second": of_json(Config, CONFIG), "third": 1}
    assert typed_arguments(function, [], given, "t")[1] == {
        "first": Path("a/b"),
        "second": CONFIG,
        "third": 1,
    }


def test_a_collector_that_takes_other_types_says_which_parameter():
    with pytest.raises(ParameterTypeError) as caught:
        taken(list[Config], [{"size": 1}])
    assert str(caught.value).startswith(
        "Task 'collector': the parameter 'values' is annotated as list[Config], but receives "
        "[{'size': 1}] of type list ([0]"
    )
    with pytest.raises(ParameterTypeError, match=r"the parameter 'values': expected a value of type Config"):
        taken(dict[str, Config], {"a": Path("x")})
    values = taken(Sequence[Config], lazily([{"size": 1}], []))
    with pytest.raises(ParameterTypeError, match="the parameter 'values' is annotated as Config"):
        list(values)
