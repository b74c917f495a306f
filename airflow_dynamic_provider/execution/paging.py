"""Divides a long list into pages of bounded size as its entries arrive.

A page has a fixed number of positions, so a reader knows the page of an entry without a lookup. The size of a
page in bytes is bounded too: a larger page is divided into *parts*. The first part has the offsets at which
the other parts begin, so an entry takes one read, or two if entries are large. An entry that is larger than a
part has its own part.

The module does not store anything. The caller decides where and in which form to store the parts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

#: The maximum size of the entries of a part, in bytes, unless a single entry is larger.
PART_BYTES = 64 * 1024


class Part(NamedTuple):
    """Some entries of a page, ready to be stored.

    Attributes:
        page: The number of the page.
        part: The number of the part in the page.
        entries: The entries.
        starts: In the first part, the offsets in the page at which the other parts begin; otherwise empty.
    """

    page: int
    part: int
    entries: list[Any]
    starts: list[int]


class PageWriter:
    """Accepts entries one by one, and passes on each part as soon as it is complete.

    At most two parts are in memory: the first part of the page, which has the offsets of the others, and the
    part that is being filled.

    Args:
        per_page: The number of entries in a page.
        store: The function to call with each part. The first part of a page comes last.
        part_bytes: The maximum size of the entries of a part, in bytes.

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
        """Add an entry.

        Args:
            entry: The entry.
            size: Its stored size in bytes.
        """
        if self._entries and self._bytes + size > self._part_bytes:
            self._end_part()
        self._entries.append(entry)
        self._bytes += size
        self._count += 1
        if self._count == self._per_page:
            self._end_page()

    def close(self) -> None:
        """Pass on the remaining parts. A list without entries has one page without entries."""
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
