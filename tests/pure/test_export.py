"""CSV that no spreadsheet can execute, in chunks."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_dynamic_provider.database.export import COLUMNS, csv_cell, csv_chunks
from tests.pure.strategies import json_values, storable_text

pytestmark = pytest.mark.pure

#: The characters that start a formula in Excel, LibreOffice and Google Sheets.
DANGEROUS = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")

texts = st.builds(str.__add__, st.sampled_from(["", *DANGEROUS, "'", '"', ","]), storable_text)


def read(chunks):
    return list(csv.reader(io.StringIO("".join(chunks), newline="")))


@given(texts)
@example("=HYPERLINK(1)")
@example("\r=1")
def test_a_text_is_itself_or_itself_behind_an_apostrophe(text):
    cell = csv_cell(text)
    assert cell in (text, f"'{text}")
    assert not cell.startswith(DANGEROUS)
    assert (cell == text) == (not text.startswith(DANGEROUS))


@given(json_values.filter(lambda value: not isinstance(value, str)))
def test_what_is_no_text_is_a_number_or_json(value):
    cell = csv_cell(value)
    if value is None:
        assert cell == ""
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        # A spreadsheet does not execute a number of any sign.
        assert cell is value
    else:
        assert json.dumps(json.loads(cell)) == json.dumps(value)
        assert not cell.startswith(DANGEROUS)


@given(st.lists(st.lists(texts, min_size=3, max_size=3), max_size=5))
def test_whatever_a_cell_holds_rows_and_columns_stay_apart(values):
    columns = ("first", "second", "third")
    rows = [dict(zip(columns, each, strict=True)) for each in values]
    found = read(csv_chunks(rows, columns))
    assert found[0] == list(columns)
    assert found[1:-1] == [[csv_cell(text) for text in each] for each in values]
    assert found[-1] == [f"# complete: {len(values)} rows"]


def test_a_missing_value_is_an_empty_cell():
    assert read(csv_chunks([{"b": 1}], ("a", "b"))) == [["a", "b"], ["", "1"], ["# complete: 1 rows"]]


def test_rows_are_asked_for_as_chunks_are():
    asked = []

    def rows():
        for number in range(1000):
            asked.append(number)
            yield {"key": f"k{number}"}

    chunks = csv_chunks(rows(), ("key",))
    first = next(chunks)
    # Including the names of the columns.
    assert (len(asked), first.count("\n")) == (399, 400)
    assert "".join([first, *chunks]).count("\n") == 1002


@pytest.mark.parametrize("what", COLUMNS)
def test_every_row_begins_with_its_key(what):
    assert COLUMNS[what][:3] == ("of", "key_path", "key")
