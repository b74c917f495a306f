"""Distinguishes classes from other annotations."""

from __future__ import annotations

import typing
from typing import Any


def is_class(value: Any) -> bool:
    """Return whether a value is a class, and not an annotation such as ``list[int]``."""
    # On Python 3.10, such an annotation is an instance of type too, and issubclass() refuses it.
    return isinstance(value, type) and typing.get_origin(value) is None
