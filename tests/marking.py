"""Marks the tests of a folder, adds the fixtures that all of them need, and names their parameters."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

needs_task_state_store = pytest.mark.skipif(
    find_spec("airflow.models.task_state_store") is None,
    reason="up to Airflow 3.2, a retry runs all keys of a batch again",
)


def mark(items: list[Any], folder: Path, name: str, *fixtures: str) -> None:
    """Mark the tests below a folder, and have them use fixtures before their own."""
    for item in items:
        if folder in item.path.parents:
            item.add_marker(getattr(pytest.mark, name))
            item.fixturenames[:0] = fixtures


def shown(value: Any) -> str:
    """Return a value as the name of a test, without memory addresses, so that all processes agree."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
