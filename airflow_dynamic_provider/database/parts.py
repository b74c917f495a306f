"""Writes conditions on many values, because databases limit the number of values in one condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# The number of values in one condition.
_AT_ONCE = 400

# The number of ranges in one condition. A database compares a row with one after the other.
_RANGES = 20


def parts(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield the values, sorted and without duplicates, in parts that fit into one condition."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), _AT_ONCE):
        yield ordered[start : start + _AT_ONCE]


def among(column: Any, numbers: Iterable[int]) -> Any:
    """Return the condition that a column has one of some whole numbers, however many there are.

    Map indexes often follow each other, as those of the keys below an outer key do. They become ranges.
    """
    from sqlalchemy import bindparam, or_

    ordered = sorted(set(numbers))
    ranges = list(_ranges(ordered))
    if ranges and len(ranges) <= min(_RANGES, len(ordered) / 2):
        return or_(*(column.between(first, last) for first, last in ranges))
    # Written into the statement, because the number of a statement's parameters is limited.
    return column.in_(bindparam(None, ordered, expanding=True, literal_execute=True))


def _ranges(ordered: list[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last number of each run of numbers that follow each other."""
    first = last = None
    for number in ordered:
        if first is None or last is None:
            first = last = number
        elif number == last + 1:
            last = number
        else:
            yield first, last
            first = last = number
    if first is not None and last is not None:
        yield first, last
