"""What commands print: texts of users are neither markup nor commands to the terminal."""

from __future__ import annotations

import json

import pytest
import yaml

from airflow_dynamic_provider.cli.printing import print_document, print_rows, print_tables, show_counts

ROWS = [{"key": "[red]x[/red] :smile:", "count": 1, "seconds": 0.12345, "none": None}]


def test_a_table_shows_texts_as_they_are(capsys):
    print_rows(ROWS, "table")
    line = capsys.readouterr().out.splitlines()[2]
    assert [cell.strip() for cell in line.split("|")] == ["[red]x[/red] :smile:", "1", "0.123", ""]


def test_plain_lines_show_numbers_in_texts_as_they_are(capsys):
    print_rows([{"key": "1e5", "name": "007"}], "plain")
    assert capsys.readouterr().out == "key    name\n1e5    007\n"


@pytest.mark.parametrize("output", ["table", "plain"])
@pytest.mark.parametrize("char", ["\x1b", "\r", "\n", "\x07", "\x9b", "\u202e", "\u2066", "\u2028"])
def test_what_would_change_the_terminal_is_spelled_out(capsys, output, char):
    print_rows([{"key": f"a{char}b"}], output)
    shown = capsys.readouterr().out
    assert f"a{ascii(char)[1:-1]}b" in shown
    print_rows([{"key": "ab"}], output)
    assert shown.count("\n") == capsys.readouterr().out.count("\n")
    assert char not in shown.replace("\n", "")


def test_a_long_text_is_cut_and_says_so(capsys):
    print_rows([{"value": "x" * 1_000_000}], "plain")
    assert capsys.readouterr().out.endswith("x... (1000000 characters)\n")


def test_lists_and_dicts_are_json_in_a_cell(capsys):
    print_rows([{"value": {"a": ["ä"]}}], "plain")
    assert '{"a": ["ä"]}' in capsys.readouterr().out


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_documents_keep_types_and_texts(capsys, output, load):
    document = {"rows": [{**ROWS[0], "hostile": "\x1b]0;x\x07", "flag": True}]}
    print_document(document, output)
    shown = capsys.readouterr().out
    assert load(shown) == document
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("output", "shown"), [("table", ""), ("plain", ""), ("json", "[]\n"), ("yaml", "[]\n")]
)
def test_no_rows_are_no_table_and_an_empty_document(capsys, output, shown):
    print_rows([], output)
    assert capsys.readouterr().out == shown


def test_tables_without_rows_are_left_out(capsys):
    print_tables([[], [{"a": 1}], [], [{"b": 2}]], "plain")
    assert capsys.readouterr().out == "a\n1\n\nb\n2\n"


def test_counts_are_shown_in_their_order():
    assert show_counts({"failed": 1, "none": 20}) == "1 failed, 20 none"
    assert show_counts({}) == ""
