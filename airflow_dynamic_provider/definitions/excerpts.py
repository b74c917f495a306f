"""Shortens values for messages."""

from __future__ import annotations

import itertools
import reprlib
from typing import Any

#: The maximum number of characters of a value in a message.
_EXCERPT = 200


class _Excerpt(reprlib.Repr):
    """Writes the beginning of a value of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 6
        self.maxdict = self.maxlist = self.maxtuple = self.maxset = 12
        self.maxstring = self.maxother = self.maxlong = 80

    def repr_dict(self, x: dict[Any, Any], level: int) -> str:
        """Return the beginning of a dict in its own order, not sorted."""
        if level <= 0 and x:
            return "{...}"
        shown = [
            f"{self.repr1(key, level - 1)}: {self.repr1(value, level - 1)}"
            for key, value in itertools.islice(x.items(), self.maxdict)
        ]
        return "{" + ", ".join([*shown, *(["..."] if len(x) > self.maxdict else [])]) + "}"


def excerpt(value: object) -> str:
    """Return the beginning of a value for a message. A large value is never written completely."""
    shown = _Excerpt().repr(value)
    return shown if len(shown) <= _EXCERPT else f"{shown[: _EXCERPT - 3]}..."
