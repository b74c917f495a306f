"""Metadata values: their kinds, how plain Python values become them, and their JSON form."""

from __future__ import annotations

import dataclasses
import enum
import inspect
import json
import math
import pickle
from collections import OrderedDict, namedtuple
from datetime import date, datetime, time, timedelta, timezone
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import MappingProxyType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_dynamic_provider import MetadataValue
from airflow_dynamic_provider.definitions.metadata import (
    KINDS,
    metadata_from_json,
    metadata_to_json,
    normalize_metadata,
    normalize_value,
)
from airflow_dynamic_provider.errors import InvalidMetadataError, LayoutError
from tests.marking import shown
from tests.pure.refusals import refused
from tests.pure.strategies import (
    json_values,
    labelled,
    metadata_of_kind,
    metadata_values,
    storable_text,
    whole_numbers,
)

pytestmark = pytest.mark.pure

PNG = b"\x89PNG\r\n\x1a\n"
NEW_YORK = timezone(timedelta(hours=-5))


class Text(str):
    """A subclass of ``str`` that shows itself as something else."""

    def __str__(self):
        return "something else"


class Colour(str, enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class PathLikeAsset:
    """As Airflow's ``Asset``: it has a name and a URI, and is a path object besides."""

    name = "orders"
    uri = "s3://bucket/orders"

    def __fspath__(self):
        return self.uri


def written(value):
    """What is read back of metadata that was written to XCom."""
    return json.loads(json.dumps(value, allow_nan=False))


# The kinds


def test_there_is_a_constructor_for_each_kind_and_no_other():
    constructors = {name for name, member in vars(MetadataValue).items() if isinstance(member, staticmethod)}
    assert constructors == set(KINDS) == set(metadata_of_kind)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(data=st.data())
def test_a_value_knows_its_kind_and_survives_json(kind, data):
    value = data.draw(metadata_of_kind[kind])
    assert value.kind == kind
    assert value.to_json() == {"type": kind, "value": value.value}
    assert MetadataValue.from_json(written(value.to_json())) == value


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_constructor_says_what_it_is_for(kind):
    assert inspect.getdoc(getattr(MetadataValue, kind))


@pytest.mark.parametrize(
    "make", [MetadataValue.text, MetadataValue.md, MetadataValue.path, MetadataValue.notebook]
)
@given(text=storable_text)
def test_text_is_stored_as_it_is(make, text):
    assert make(text).value == text


@pytest.mark.parametrize("make", [MetadataValue.path, MetadataValue.notebook])
def test_a_path_object_is_stored_as_its_text(make):
    assert make(PurePosixPath("/a/b")).value == "/a/b"
    assert make(PureWindowsPath(r"C:\a")).value == r"C:\a"


@pytest.mark.parametrize(
    "url",
    ["https://example.org/a?b=c#d", "s3://bucket/key", "ftp://host", "mailto:a@example.org", "HTTP://HOST"],
)
def test_a_url_is_stored_as_it_is(url):
    assert MetadataValue.url(url).value == url


@given(whole_numbers)
def test_a_whole_number_is_stored_exactly(number):
    assert MetadataValue.int(number).value == number
    assert type(MetadataValue.int(number).value) is int


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_finite_float_is_stored_exactly(number):
    assert MetadataValue.float(number).value == number


@pytest.mark.parametrize(
    ("number", "stored"),
    [(math.nan, "NaN"), (-math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")],
)
def test_a_float_that_json_does_not_have_is_stored_by_name(number, stored):
    assert MetadataValue.float(number).value == stored
    assert MetadataValue.json([number]).value == [stored]
    assert MetadataValue.table([{"a": number}]).value["rows"] == [{"a": stored}]
    assert normalize_value(number).value == stored


def test_a_whole_number_can_be_a_float():
    value = MetadataValue.float(3).value
    assert (value, type(value)) == (3.0, float)
    assert MetadataValue.float(Fraction(1, 2)).value == 0.5


@pytest.mark.parametrize("truth", [True, False])
def test_a_truth_value_is_stored_as_it_is(truth):
    assert MetadataValue.bool(truth).value is truth


@pytest.mark.parametrize(
    ("moment", "stored"),
    [
        (datetime(2024, 1, 1, 12, tzinfo=timezone.utc), "2024-01-01T12:00:00+00:00"),
        (datetime(2024, 1, 1, 23, 30, tzinfo=NEW_YORK), "2024-01-02T04:30:00+00:00"),
        (datetime(2024, 1, 1, 0, 0, 0, 1, tzinfo=timezone.utc), "2024-01-01T00:00:00.000001+00:00"),
        (0, "1970-01-01T00:00:00+00:00"),
        (1.5, "1970-01-01T00:00:01.500000+00:00"),
        (-1, "1969-12-31T23:59:59+00:00"),
    ],
)
def test_a_moment_is_stored_in_utc(moment, stored):
    assert MetadataValue.timestamp(moment).value == stored


@given(st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31), timezones=st.just(NEW_YORK)))
def test_a_stored_moment_is_the_same_moment(moment):
    assert datetime.fromisoformat(MetadataValue.timestamp(moment).value) == moment


@given(json_values)
def test_json_keeps_its_shape(value):
    def same(given, stored):
        if isinstance(given, dict):
            return given.keys() == stored.keys() and all(same(given[key], stored[key]) for key in given)
        if isinstance(given, list):
            return len(given) == len(stored) and all(map(same, given, stored))
        if isinstance(given, float) and not math.isfinite(given):
            return stored in {"NaN", "Infinity", "-Infinity"}
        return given == stored and type(given) is type(stored)

    assert same(value, MetadataValue.json(value).value)


def test_json_of_tuples_and_mappings_is_lists_and_dicts():
    point = namedtuple("point", "x y")(1, 2)
    value = MetadataValue.json({"a": (1, point), "b": MappingProxyType({"c": OrderedDict(d=None)})})
    assert value.value == {"a": [1, [1, 2]], "b": {"c": {"d": None}}}
    assert type(value.value["b"]["c"]) is dict


def test_the_columns_of_a_table_are_those_of_its_rows_in_the_order_they_appear():
    table = MetadataValue.table([{"b": 1}, {"a": "x", "b": None}, {}])
    assert table.value == {"columns": ["b", "a"], "rows": [{"b": 1}, {"a": "x", "b": None}, {}]}


def test_the_columns_of_a_table_can_be_given():
    table = MetadataValue.table(iter([{"b": 1}]), columns=("a", "b"))
    assert table.value == {"columns": ["a", "b"], "rows": [{"b": 1}]}
    assert MetadataValue.table([]).value == {"columns": [], "rows": []}


@pytest.mark.parametrize(
    ("start", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"GIF87a", "image/gif"),
        (b"RIFF\x0a\x00\xff\x01WEBP", "image/webp"),
    ],
)
def test_the_bytes_of_a_picture_become_a_data_address(start, media_type):
    source = MetadataValue.image(start + b"rest").value["source"]
    assert source.startswith(f"data:{media_type};base64,")


@pytest.mark.parametrize(
    "source", ["https://a/b.png", "http://a/b.png", "HTTPS://a", "data:image/png;base64,AA=="]
)
def test_the_address_of_a_picture_is_stored_with_its_description(source):
    assert MetadataValue.image(source).value == {"source": source, "alt": ""}
    assert MetadataValue.image(source, alt="A chart").value == {"source": source, "alt": "A chart"}


def test_an_asset_is_given_by_name_or_as_the_object():
    assert MetadataValue.asset("s3://a/b").value == {"name": "s3://a/b", "uri": "s3://a/b"}
    assert MetadataValue.asset(PathLikeAsset()).value == {"name": "orders", "uri": "s3://bucket/orders"}


def test_a_run_of_a_dag_is_its_two_ids():
    assert MetadataValue.dag_run("d", "r").value == {"dag_id": "d", "run_id": "r"}


def test_a_python_artifact_is_its_module_and_name():
    assert MetadataValue.python_artifact(PathLikeAsset.__fspath__).value == {
        "module": __name__,
        "name": "PathLikeAsset.__fspath__",
    }
    assert MetadataValue.python_artifact(dict).value == {"module": "builtins", "name": "dict"}


# What plain Python values become


@pytest.mark.parametrize(
    ("plain", "normal"),
    [
        ("a", MetadataValue.text("a")),
        ("", MetadataValue.text("")),
        ("https://example.org", MetadataValue.text("https://example.org")),
        (Colour.RED, MetadataValue.text("red")),
        (True, MetadataValue.bool(True)),
        (False, MetadataValue.bool(False)),
        (0, MetadataValue.int(0)),
        (Level.HIGH, MetadataValue.int(3)),
        (1.0, MetadataValue.float(1.0)),
        (Fraction(1, 4), MetadataValue.float(0.25)),
        (None, MetadataValue.null()),
        (PurePosixPath("/a"), MetadataValue.path("/a")),
        (Path("a"), MetadataValue.path("a")),
        ([1, "a"], MetadataValue.json([1, "a"])),
        ((1, 2), MetadataValue.json([1, 2])),
        ({"a": [None]}, MetadataValue.json({"a": [None]})),
        ({}, MetadataValue.json({})),
        (MappingProxyType({"a": 1}), MetadataValue.json({"a": 1})),
        (datetime(2024, 1, 1, tzinfo=timezone.utc), MetadataValue.timestamp(1704067200)),
        (date(2024, 1, 1), MetadataValue.text("2024-01-01")),
        (PathLikeAsset(), MetadataValue.asset(PathLikeAsset())),
        (SimpleNamespace(name="n", uri="u"), MetadataValue.asset(SimpleNamespace(name="n", uri="u"))),
        (MetadataValue.md("**a**"), MetadataValue.md("**a**")),
    ],
    ids=shown,
)
def test_a_plain_value_becomes_the_kind_that_fits_it(plain, normal):
    assert normalize_metadata({"label": plain}) == {"label": normal}
    assert type(normalize_value(plain).value) is type(normal.value)


def test_subclasses_of_plain_types_become_the_plain_values_they_hold():
    for value in (
        normalize_value(Text("a")),
        MetadataValue.url(Text("https://a")),
        normalize_value(Colour.RED),
    ):
        assert type(value.value) is str
    assert list(MetadataValue.json({Text("a"): Text("b")}).value.items()) == [("a", "b")]
    assert [*map(type, normalize_metadata({Text("a"): 1}))] == [str]
    assert type(normalize_value(Level.HIGH).value) is int


@pytest.mark.parametrize(
    "value",
    [object(), {1}, frozenset(), b"bytes", 1j, time(1), timedelta(1), len, Text, SimpleNamespace(name="n")],
)
def test_what_no_kind_fits_is_refused_with_a_way_out(value):
    with refused(
        InvalidMetadataError,
        f"metadata 'label': no metadata kind fits {value!r} ({type(value).__name__}). "
        "Use a constructor of MetadataValue, such as MetadataValue.text(str(value)).",
    ):
        normalize_metadata({"label": value})


def test_no_metadata_is_empty_metadata():
    assert normalize_metadata(None) == normalize_metadata({}) == {}


@pytest.mark.parametrize("metadata", [[("a", 1)], "a", 1, {"a"}, MetadataValue.text("a")])
def test_metadata_that_is_no_mapping_is_refused(metadata):
    with refused(
        InvalidMetadataError,
        f"metadata must be a dict, received {metadata!r} ({type(metadata).__name__}). Write metadata=",
    ):
        normalize_metadata(metadata)


@pytest.mark.parametrize("label", ["", 1, None, b"a", ("a",)])
def test_a_label_that_is_no_text_is_refused(label):
    with refused(
        InvalidMetadataError,
        f"a metadata label must be a non-empty str, received {label!r}. Convert it with str",
    ):
        normalize_metadata({label: 1})


@pytest.mark.parametrize("label", ["\ud800", "a\0"])
def test_a_label_that_cannot_be_stored_is_refused(label):
    with refused(
        InvalidMetadataError, f"a metadata label must be UTF-8 text without NUL, received {label!r}"
    ):
        normalize_metadata({label: 1})


# What is recorded stays as it was


@given(json_values)
def test_json_changed_afterwards_changes_nothing_that_was_recorded(value):
    def spoil(part):
        for inner in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
            spoil(inner)
        if isinstance(part, (dict, list)):
            part.clear()

    recorded = MetadataValue.json(value)
    before = json.dumps(recorded.to_json())
    spoil(value)
    assert json.dumps(recorded.to_json()) == before


def test_a_table_changed_afterwards_changes_nothing_that_was_recorded():
    records, columns = [{"a": 1}], ["a"]
    recorded = MetadataValue.table(records, columns=columns)
    records[0]["a"] = 2
    records.append({"a": 3})
    columns.append("b")
    assert recorded.value == {"columns": ["a"], "rows": [{"a": 1}]}


def test_a_metadata_value_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MetadataValue.int(1).value = 2


@given(metadata_values)
def test_a_metadata_value_survives_pickling(value):
    assert pickle.loads(pickle.dumps(value)) == value


# The stored form


@given(labelled)
def test_metadata_survives_json(metadata):
    assert metadata_from_json(written(metadata_to_json(metadata))) == metadata


@given(st.dictionaries(storable_text.filter(bool), json_values, max_size=3))
def test_whatever_is_normalised_survives_json(plain):
    metadata = normalize_metadata(plain)
    assert metadata_from_json(written(metadata_to_json(metadata))) == metadata


@pytest.mark.parametrize(
    "stored",
    [
        None,
        [],
        "text",
        {},
        {"type": "text"},
        {"value": 1},
        {"type": ["text"], "value": 1},
        {"type": None, "value": 1},
    ],
)
def test_stored_metadata_of_another_form_is_refused(stored):
    with refused(LayoutError, f"this is not a stored metadata value: {stored!r}"):
        MetadataValue.from_json(stored)
    with refused(LayoutError, f"this is not a stored metadata value: {stored!r}"):
        metadata_from_json({"label": stored})


def test_a_kind_of_a_later_release_is_kept_as_it_is():
    stored = {"type": "unheard of", "value": {"x": [1]}}
    assert MetadataValue.from_json(stored).to_json() == stored
    assert MetadataValue.from_json({"type": "text", "value": "a", "more": 1}) == MetadataValue.text("a")


@pytest.mark.parametrize("stored", [None, [], "text"])
def test_stored_metadata_that_is_no_mapping_is_refused(stored):
    with refused(LayoutError, f"this is not stored metadata: {stored!r}"):
        metadata_from_json(stored)
