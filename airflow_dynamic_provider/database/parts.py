"""Many values in parts, for databases limit how many of them one condition may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# How many values one condition names.
_AT_ONCE = 400

T = TypeVar("T", int, str)


def parts(values: Iterable[T]) -> Iterator[list[T]]:
    """Return the values, sorted and each once, in parts as large as one condition may name."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]
