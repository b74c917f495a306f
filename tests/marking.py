"""Marks the tests of a folder, and gives them what all of them need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def mark(items: list[Any], folder: Path, name: str, *fixtures: str) -> None:
    """Mark the tests below a folder, and have them use fixtures before their own."""
    for item in items:
        if folder in item.path.parents:
            item.add_marker(getattr(pytest.mark, name))
            item.fixturenames[:0] = fixtures
