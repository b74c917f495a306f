"""Prints data as Airflow's own commands do: tables, plain lines, JSON or YAML.

The strings come from tasks, so none of them may act as markup or as a control sequence of the terminal.
Numbers stay numbers in JSON and YAML.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = dict[str, Any]

# The bidirectional classes of characters that change the writing direction of the characters after them.
_TURNING = ("LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI")

# The number of columns of a table that no terminal shows.
_WIDTH_OF_PIPE = 200

# The number of characters of a string that a table shows.
_SHOWN = 500


def print_document(document: Any, output: str) -> None:
    """Print one document.

    Args:
        document: Lists, dicts and scalars.
        output: ``json`` or ``yaml``.
    """
    sys.stdout.write(_dump(document, output).rstrip("\n") + "\n")


def _dump(document: Any, output: str) -> str:
    if output == "json":
        return json.dumps(document, indent=2)
    # Each form of output imports what it needs, because a command should answer at once.
    import yaml  # type: ignore[import-untyped, unused-ignore]

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    return str(yaml.dump(document, Dumper=dumper, sort_keys=False))


def print_rows(rows: Sequence[Row], output: str) -> None:
    """Print rows that have the same columns. Without rows, print no table, or an empty document."""
    if output in ("json", "yaml"):
        print_document(list(rows), output)
    elif rows:
        print_tables([rows], output)


def print_tables(tables: Sequence[Sequence[Row]], output: str) -> None:
    """Print tables, separated by empty lines. Tables without rows are left out.

    Args:
        tables: Lists of rows that have the same columns.
        output: ``table`` or ``plain``.
    """
    shown = [rows for rows in tables if rows]
    for number, rows in enumerate(shown):
        if number and output == "plain":
            sys.stdout.write("\n")
        (_print_plain if output == "plain" else _print_table)(rows)


def _print_plain(rows: Sequence[Row]) -> None:
    from tabulate import tabulate  # type: ignore[import-untyped, unused-ignore]

    # A key that looks like a number is still a string.
    lines = tabulate(_cells(rows), headers=list(rows[0]), tablefmt="plain", disable_numparse=True)
    sys.stdout.write(lines + "\n")


def _print_table(rows: Sequence[Row]) -> None:
    from rich.box import ASCII_DOUBLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    # As Airflow's own commands do. A pipe has no width.
    console = Console(width=None if sys.stdout.isatty() else _WIDTH_OF_PIPE)
    table = Table(box=ASCII_DOUBLE_HEAD, show_edge=False, pad_edge=False, caption=" ")
    for column in rows[0]:
        table.add_column(column, overflow="fold")
    for cells in _cells(rows):
        table.add_row(*map(Text, cells))
    console.print(table)


def show_counts(counts: Mapping[str, int]) -> str:
    """Return counts of states as the content of a cell."""
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    return [[_shown(value) for value in row.values()] for row in rows]


def _shown(value: Any) -> str:
    """Return the content of a cell."""
    if value is None:
        return ""
    if isinstance(value, (dict, list)):
        value = json.dumps(value, ensure_ascii=False)
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    if len(text) > _SHOWN:
        text = f"{text[:_SHOWN]}... ({len(text)} characters)"
    return "".join(char if _is_harmless(char) else ascii(char)[1:-1] for char in text)


def _is_harmless(char: str) -> bool:
    # Control characters, and characters that change the writing direction, affect other parts of the output.
    is_control = unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
    return not is_control and unicodedata.bidirectional(char) not in _TURNING
