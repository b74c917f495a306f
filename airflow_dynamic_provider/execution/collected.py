"""What a collector receives when a collection is large: a sequence and a mapping that read page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, overload

#: How many values are read, and held in memory, at a time.
PAGE_SIZE = 250


class CollectedSequence(Sequence[Any]):
    """The values of a large collection, in the order of the keys.

    It behaves as a list that cannot be changed, and reads a page of values when one is asked for; only the
    last page stays in memory. ``list(values)`` gives an ordinary list of all of them.

    Args:
        length: How many values there are.
        read: Returns the values from one position to another.
    """

    def __init__(self, length: int, read: Callable[[int, int], list[Any]]) -> None:
        self._length = length
        self._read = read
        self._page: tuple[int, list[Any]] | None = None

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(self._length))]
        position = range(self._length)[index]
        number, offset = divmod(position, PAGE_SIZE)
        if self._page is None or self._page[0] != number:
            # The page before goes first, because both together would be twice the memory.
            self._page = None
            start = number * PAGE_SIZE
            self._page = (number, self._read(start, min(start + PAGE_SIZE, self._length)))
        return self._page[1][offset]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(own == its for own, its in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self._length} collected values, read page by page>"


class CollectedMapping(Mapping[str, Any]):
    """The values of a large keyed collection. Like `CollectedSequence`, it reads a page at a time.

    ``dict(values)`` gives an ordinary dict.

    Args:
        positions: Key -> position in ``values``.
        values: All values of the collection.
    """

    def __init__(self, positions: Mapping[str, int], values: Sequence[Any]) -> None:
        self._positions = positions
        self._values = values

    def __getitem__(self, key: str) -> Any:
        return self._values[self._positions[key]]

    def __contains__(self, key: object) -> bool:
        return key in self._positions

    def __iter__(self) -> Iterator[str]:
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._positions)

    def __repr__(self) -> str:
        return f"<{len(self)} collected values by key, read page by page>"
