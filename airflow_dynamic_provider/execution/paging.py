"""Cuts a long list into pages of bounded size, as its entries come, and finds an entry by its position.

A page is a fixed number of positions, so that whoever wants an entry knows its page without looking anything
up. It is bounded in bytes as well: a page that would be larger goes on in further *parts*. Its first part
says at which of its entries the others begin, so an entry costs one read, or two where entries are large. An
entry that is larger than a part has a part of its own.

Pure: what a part is stored as, and where, is the caller's.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: How many bytes the entries of one part may have, unless one entry alone has more.
PART_BYTES = 64 * 1024


class Part(NamedTuple):
    """Some entries of a page, to be stored.

    Attributes:
        page: The number of the page.
        part: The number of the part in the page.
        entries: The entries.
        starts: In the first part, the offsets in the page at which the others begin; empty in the others.
    """

    page: int
    part: int
    entries: list[Any]
    starts: list[int]


class PageWriter:
    """Takes entries one by one, and hands on each part as soon as it is complete.

    At most two parts are in memory: the first of the page, which says where the others begin, and the one
    that is being filled.

    Args:
        per_page: How many entries a page has.
        store: Called with each part. Of each page the first part comes last.
        part_bytes: How many bytes the entries of a part may have.

    Example:
        >>> parts = []
        >>> writer = PageWriter(2, parts.append)
        >>> for letter in "abc":
        ...     writer.add(letter, size=1)
        >>> writer.close()
        >>> [(part.page, part.entries) for part in parts]
        [(0, ['a', 'b']), (1, ['c'])]
    """

    def __init__(self, per_page: int, store: Callable[[Part], None], part_bytes: int = PART_BYTES) -> None:
        self._per_page = per_page
        self._store = store
        self._part_bytes = part_bytes
        self._page = 0
        self._begin_page()

    def add(self, entry: Any, size: int) -> None:
        """Take an entry.

        Args:
            entry: The entry.
            size: How many bytes it has when it is stored.
        """
        if self._entries and self._bytes + size > self._part_bytes:
            self._end_part()
        self._entries.append(entry)
        self._bytes += size
        self._count += 1
        if self._count == self._per_page:
            self._end_page()

    def close(self) -> None:
        """Hand on what is left. A list without entries has one page without entries."""
        if self._count or not self._page:
            self._end_page()

    def _begin_page(self) -> None:
        self._first: list[Any] | None = None
        self._starts: list[int] = []
        self._count = 0
        self._begin_part()

    def _begin_part(self) -> None:
        self._entries: list[Any] = []
        self._bytes = 0

    def _end_part(self) -> None:
        if self._first is None:
            self._first = self._entries
        else:
            self._store(Part(self._page, len(self._starts), self._entries, []))
        self._starts.append(self._count)
        self._begin_part()

    def _end_page(self) -> None:
        if self._first is None:
            self._store(Part(self._page, 0, self._entries, []))
        else:
            self._store(Part(self._page, len(self._starts), self._entries, []))
            self._store(Part(self._page, 0, self._first, self._starts))
        self._page += 1
        self._begin_page()


class Position(NamedTuple):
    """Where an entry is.

    Attributes:
        page: The number of its page.
        offset: Its position in the page.
    """

    page: int
    offset: int


def position_of(position: int, per_page: int) -> Position:
    """Return where an entry of a list is."""
    return Position(*divmod(position, per_page))


def part_of(starts: Sequence[int], offset: int) -> Position:
    """Return which part of a page has an entry, and where in the part it is.

    Args:
        starts: What the first part of the page says of the others.
        offset: The position of the entry in the page.
    """
    part = bisect_right(starts, offset)
    return Position(part, offset - starts[part - 1] if part else offset)
