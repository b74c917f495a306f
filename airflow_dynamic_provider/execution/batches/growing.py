"""Collects entries in lists of bounded size. Each list is stored once it is full, and often until then."""

from __future__ import annotations

from typing import Generic, TypeVar

T = TypeVar("T")


class GrowingLists(Generic[T]):
    """Entries in lists, in the order in which they come. Only the last list still grows.

    Args:
        limit: The maximum size of the entries of a list, in bytes, unless a single one is larger.

    Example:
        >>> lists = GrowingLists[str](limit=2)
        >>> [lists.add(letter, 1) for letter in "abc"]
        [0, 0, 1]
        >>> lists.unstored()
        [(0, ['a', 'b']), (1, ['c'])]
        >>> lists.note_stored(lists.unstored())
        >>> lists.add("d", 1)
        1
        >>> lists.unstored()
        [(1, ['c', 'd'])]
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        # Full lists that were stored need no memory.
        self._lists: list[list[T]] = [[]]
        self._first = 0
        self._bytes = 0
        self._stored_length = 0

    @property
    def has_full(self) -> bool:
        """Whether a list is full and was not stored since."""
        return len(self._lists) > 1

    @property
    def is_changed(self) -> bool:
        """Whether an entry was not stored yet."""
        return self.has_full or len(self._lists[0]) > self._stored_length

    def add(self, entry: T, size: int) -> int:
        """Add an entry, and return the number of its list.

        Args:
            entry: The entry.
            size: Its stored size in bytes.
        """
        if self._lists[-1] and self._bytes + size > self._limit:
            self._lists.append([])
            self._bytes = 0
        self._lists[-1].append(entry)
        self._bytes += size
        return self._first + len(self._lists) - 1

    def unstored(self) -> list[tuple[int, list[T]]]:
        """Return the number and the entries of each list that may have changed. There is always one."""
        return [(number, list(entries)) for number, entries in enumerate(self._lists, self._first)]

    def note_stored(self, lists: list[tuple[int, list[T]]]) -> None:
        """Note that what `unstored` returned is stored."""
        last, entries = lists[-1]
        del self._lists[: last - self._first]
        self._first, self._stored_length = last, len(entries)
