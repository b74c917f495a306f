"""Says why the keys failed without which a collection cannot be complete. A collector that fails asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.states import FAILURES

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.columns.column import Column
    from airflow_dynamic_provider.execution.shaping import Found

# The number of keys whose errors a message has, and the number of characters of each error.
_MOST_KEYS = 3
_MOST_CHARACTERS = 200


def explain_failures(column: Column, found: Found) -> str:
    """Return the first failed keys with their errors: ``'x': ValueError: bad``; empty if none is stored.

    It makes some API calls for each of the first failed keys, however many there are.

    Args:
        column: Reads the errors.
        found: The keys of the collection.
    """
    failed = [
        (index, path)
        for index, path, state in zip(found.indexes, found.paths, found.outcomes, strict=True)
        if state in FAILURES
    ]
    errors = [(path, column.error(index)) for index, path in failed[:_MOST_KEYS]]
    told = [f"{render_key(path)!r}: {_shortened(error)}" for path, error in errors if error]
    return "; ".join(told)


def _shortened(error: str) -> str:
    """Return the first line of an error, without the rest of a long line."""
    line = next(iter(error.splitlines()), "").strip()
    return line if len(line) <= _MOST_CHARACTERS else f"{line[: _MOST_CHARACTERS - 2]} …"
