"""What each constructor of a metadata value refuses, where it is called."""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta, timezone
from fractions import Fraction
from pathlib import PurePosixPath
from types import SimpleNamespace

import pytest

from airflow_dynamic_provider import MetadataValue
from airflow_dynamic_provider.definitions.metadata import normalize_value
from airflow_dynamic_provider.errors import InvalidMetadataError
from tests.marking import shown
from tests.pure.refusals import refused

pytestmark = pytest.mark.pure

NEW_YORK = timezone(timedelta(hours=-5))


def takes(kind, wanted, received):
    return f"MetadataValue.{kind} takes {wanted}, received {received!r} ({type(received).__name__})"


@pytest.mark.parametrize("kind", ["text", "md", "url", "image"])
@pytest.mark.parametrize("value", [1, None, PurePosixPath("a"), ["a"]])
def test_what_is_not_text_is_refused(kind, value):
    with refused(InvalidMetadataError, takes(kind, "a str", value)):
        getattr(MetadataValue, kind)(value)


class BytesPath:
    def __fspath__(self):
        return b"bytes"


@pytest.mark.parametrize("kind", ["path", "notebook"])
def test_what_is_not_a_path_is_refused(kind):
    make = getattr(MetadataValue, kind)
    with refused(InvalidMetadataError, takes(kind, "a str or a path object", 1)):
        make(1)
    with refused(InvalidMetadataError, takes(kind, "a str", b"bytes")):
        make(BytesPath())


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (MetadataValue.text, "text"),
        (MetadataValue.md, "md"),
        (MetadataValue.url, "url"),
        (MetadataValue.path, "path"),
        (lambda text: MetadataValue.path(PurePosixPath(text)), "path"),
        (MetadataValue.notebook, "notebook"),
        (MetadataValue.json, "json"),
        (lambda text: MetadataValue.json({text: 1}), "json"),
        (lambda text: MetadataValue.table([{"a": text}]), "table"),
        (lambda text: MetadataValue.table([{text: "a"}]), "table"),
        (lambda text: MetadataValue.table([], columns=[text]), "table"),
        (lambda text: MetadataValue.image("https://a", alt=text), "image"),
        (lambda text: MetadataValue.dag_run(text, "r"), "dag_run"),
        (lambda text: MetadataValue.dag_run("d", text), "dag_run"),
        (normalize_value, "text"),
    ],
)
@pytest.mark.parametrize("text", ["a\udfff", "a\0b"], ids=ascii)
def test_text_that_cannot_be_stored_is_refused(make, kind, text):
    with refused(InvalidMetadataError, takes(kind, "UTF-8 text without NUL", text)):
        make(text)


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "java\nscript:alert(1)",
        " javascript:alert(1)",
        "vbscript:x",
        "data:text/html,<script>",
        "example.org/a",
        "//example.org/a",
        "/a/b",
        "",
    ],
)
def test_a_url_that_runs_code_or_has_no_scheme_is_refused(url):
    with refused(
        InvalidMetadataError,
        f"a URL needs a scheme that is safe to follow, received {url!r}. Write the whole address",
    ):
        MetadataValue.url(url)


def test_a_url_that_cannot_be_parsed_is_refused():
    with refused(InvalidMetadataError, "this is not a URL: 'http://[bad' (Invalid IPv6 URL)"):
        MetadataValue.url("http://[bad")


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_what_is_no_whole_number_is_refused(value):
    with refused(InvalidMetadataError, takes("int", "a whole number", value)):
        MetadataValue.int(value)


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**5000], ids=["max", "min", "long"])
def test_a_whole_number_that_a_task_cannot_send_is_refused(number):
    for make, kind in ((MetadataValue.int, "int"), (normalize_value, "int"), (MetadataValue.json, "json")):
        with refused(
            InvalidMetadataError, f"MetadataValue.{kind} takes whole numbers from -2**63 to 2**64 - 1"
        ):
            make(number)


@pytest.mark.parametrize("value", [True, 1j, "1.0", None])
def test_what_is_no_number_is_refused(value):
    with refused(InvalidMetadataError, takes("float", "a number", value)):
        MetadataValue.float(value)


@pytest.mark.parametrize("number", [10**400, 10**5000, Fraction(10**400)], ids=["int", "long", "fraction"])
def test_a_number_too_large_for_a_float_is_refused(number):
    with refused(InvalidMetadataError, "MetadataValue.float takes numbers that fit into a float"):
        MetadataValue.float(number)


def test_a_fraction_too_large_for_a_float_is_refused_where_it_is_normalised():
    for make, kind in ((normalize_value, "float"), (MetadataValue.json, "json")):
        with refused(InvalidMetadataError, f"MetadataValue.{kind} takes numbers that fit into a float"):
            make(Fraction(10**400))


@pytest.mark.parametrize("value", [0, 1, "True", None])
def test_what_is_no_truth_value_is_refused(value):
    with refused(InvalidMetadataError, takes("bool", "True or False", value)):
        MetadataValue.bool(value)


def test_a_moment_without_a_time_zone_is_refused():
    naive = datetime(2024, 1, 1)
    for make in (MetadataValue.timestamp, normalize_value):
        with refused(
            InvalidMetadataError, f"a timestamp needs a time zone, received {naive!r}. Use pendulum.now()"
        ):
            make(naive)


@pytest.mark.parametrize("value", [True, "2024-01-01", date(2024, 1, 1), None])
def test_what_is_no_moment_is_refused(value):
    with refused(InvalidMetadataError, takes("timestamp", "a datetime, or seconds since 1970", value)):
        MetadataValue.timestamp(value)


@pytest.mark.parametrize(
    "moment",
    [
        1e15,
        math.nan,
        math.inf,
        10**400,
        datetime.max.replace(tzinfo=NEW_YORK),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=5))),
    ],
    ids=["seconds", "nan", "inf", "long", "max", "min"],
)
def test_a_moment_that_the_calendar_does_not_have_is_refused(moment):
    with refused(InvalidMetadataError, "a timestamp must be between the years 1 and 9999, in UTC"):
        MetadataValue.timestamp(moment)


@pytest.mark.parametrize(
    "value", [{1}, object(), b"a", [datetime(2024, 1, 1)], {"a": PurePosixPath("a")}, MetadataValue.text("a")]
)
def test_json_of_anything_else_is_refused(value):
    with refused(
        InvalidMetadataError, "MetadataValue.json takes text, numbers, True, False and None, received"
    ):
        MetadataValue.json(value)


@pytest.mark.parametrize("key", [1, None, ("a",)])
def test_json_with_a_key_that_is_not_text_is_refused(key):
    with refused(InvalidMetadataError, takes("json", "a str", key)):
        MetadataValue.json([{key: 1}])


def test_json_that_holds_itself_or_is_nested_too_deeply_is_refused():
    loop = []
    loop.append(loop)
    deep = []
    for _ in range(100_000):
        deep = [deep]
    for value in (loop, {"a": loop}, deep):
        with refused(
            InvalidMetadataError, "JSON that contains itself, or is nested too deeply, cannot be stored"
        ):
            normalize_value(value)


@pytest.mark.parametrize("record", [1, "ab", [1], None])
def test_a_table_whose_rows_are_no_mappings_is_refused(record):
    with refused(InvalidMetadataError, takes("table", "rows that map column to value", record)):
        MetadataValue.table([record])


@pytest.mark.parametrize("records", [1, None])
def test_a_table_of_no_rows_at_all_is_refused(records):
    with refused(InvalidMetadataError, takes("table", "rows that map column to value", records)):
        MetadataValue.table(records)


def test_a_table_with_a_cell_that_is_no_scalar_is_refused():
    with refused(InvalidMetadataError, takes("table", "text, numbers, True, False and None", [1])):
        MetadataValue.table([{"a": [1]}])


def test_a_table_with_rows_that_have_other_columns_is_refused():
    with refused(
        InvalidMetadataError,
        "a table with the columns ['a'] received rows with ['b', 'c']. Name every column, or leave",
    ):
        MetadataValue.table([{"b": 1}, {"c": 1, "a": 1}], columns=["a"])


@pytest.mark.parametrize("columns", ["ab", 1])
def test_columns_that_are_no_list_of_names_are_refused(columns):
    with refused(InvalidMetadataError, takes("table", "columns= as a list of names", columns)):
        MetadataValue.table([], columns=columns)


def test_a_column_named_twice_is_refused():
    with refused(InvalidMetadataError, takes("table", "columns= without repetition", ["a", "a"])):
        MetadataValue.table([], columns=["a", "a"])


@pytest.mark.parametrize("source", [b"", b"RIFF\0\0\0\0WAVEfmt ", b"%PDF-1.7", b"<svg/>", b"x" * 100])
def test_the_bytes_of_something_else_are_no_picture(source):
    with refused(
        InvalidMetadataError, takes("image", "the bytes of a PNG, JPEG, GIF or WebP image", source[:16])
    ):
        MetadataValue.image(source)


@pytest.mark.parametrize("source", ["a.png", "file:///a.png", "javascript:x", "data:text/html,x", ""])
def test_another_address_is_no_picture(source):
    with refused(InvalidMetadataError, takes("image", "an http(s) or data:image/ URL, or bytes", source)):
        MetadataValue.image(source)


@pytest.mark.parametrize("asset", ["", 1, None, SimpleNamespace(name="n"), SimpleNamespace(name="n", uri=1)])
def test_what_is_no_asset_is_refused(asset):
    with refused(InvalidMetadataError, takes("asset", "an Asset, or its name", asset)):
        MetadataValue.asset(asset)


@pytest.mark.parametrize("ids", [(1, "r"), ("d", None)])
def test_a_run_without_its_ids_is_refused(ids):
    with refused(InvalidMetadataError, "MetadataValue.dag_run takes a str, received"):
        MetadataValue.dag_run(*ids)


@pytest.mark.parametrize(
    "artifact", [1, "len", object(), PurePosixPath("a"), SimpleNamespace(__qualname__="a")], ids=shown
)
def test_what_is_no_python_artifact_is_refused(artifact):
    with refused(InvalidMetadataError, takes("python_artifact", "a function or a class", artifact)):
        MetadataValue.python_artifact(artifact)
