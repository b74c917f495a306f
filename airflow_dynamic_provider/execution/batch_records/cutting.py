"""Cuts a list of keys into batches. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class Range(NamedTuple):
    """The keys of a batch, as positions in the list of keys.

    Attributes:
        start: The position of the first key.
        stop: The position after the last key.
    """

    start: int
    stop: int

    @property
    def length(self) -> int:
        """The number of keys."""
        return self.stop - self.start


def cut(count: int, size: int, sizes: Sequence[int] | None = None, limit: int | None = None) -> list[Range]:
    """Return the batches of a list of keys, in its order, as few as the limits allow.

    Args:
        count: The number of keys.
        size: The maximum number of keys in a batch.
        sizes: The stored size of each key's value, in bytes; only with ``limit``.
        limit: The maximum sum of the sizes in a batch. A larger value has a batch of its own.

    Example:
        >>> cut(5, 2)
        [Range(start=0, stop=2), Range(start=2, stop=4), Range(start=4, stop=5)]
        >>> cut(3, 2, [1, 9, 1], limit=4)
        [Range(start=0, stop=1), Range(start=1, stop=2), Range(start=2, stop=3)]
    """
    if sizes is None or limit is None:
        return [Range(start, min(start + size, count)) for start in range(0, count, size)]
    return list(_cut_by_bytes(size, sizes, limit))


def cut_groups(
    groups: Iterable[Range], size: int, sizes: Sequence[int] | None = None, limit: int | None = None
) -> list[Range]:
    """Return the batches of keys in groups. No batch has keys of two groups.

    Args:
        groups: The positions of each group, in order.
        size: The maximum number of keys in a batch.
        sizes: The stored size of the value at each position, in bytes; only with ``limit``.
        limit: The maximum sum of the sizes in a batch.
    """
    batches = []
    for start, stop in groups:
        within = cut(stop - start, size, None if sizes is None else sizes[start:stop], limit)
        batches += [Range(start + each.start, start + each.stop) for each in within]
    return batches


def _cut_by_bytes(size: int, sizes: Sequence[int], limit: int) -> Iterator[Range]:
    start = total = 0
    for position, own in enumerate(sizes):
        if position > start and (position - start == size or total + own > limit):
            yield Range(start, position)
            start, total = position, 0
        total += own
    if sizes:
        yield Range(start, len(sizes))
