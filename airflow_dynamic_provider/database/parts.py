"""Splits values into parts, because databases limit the number of values in one condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The number of values in one condition.
_AT_ONCE = 400

T = TypeVar("T", int, str)


def parts(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield the values, sorted and without duplicates, in parts that fit into one condition."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]
