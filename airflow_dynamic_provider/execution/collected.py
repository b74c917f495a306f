"""The sequence and the mapping that a collection with ``lazy=True`` returns, which are read page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeGuard, overload

#: The number of values that are read, and kept in memory, at a time.
PAGE_SIZE = 250


class CollectedSequence(Sequence[Any]):
    """The values of a collection in the order of the keys, as ``collect(lazy=True)`` returns them.

    It behaves like a list that cannot be changed: it has a length, and it can be indexed, sliced, searched,
    compared with lists and added to them. It reads a page of values when one of them is needed, and keeps
    only the last page in memory. A slice and a sum are ordinary lists.

    It is not a list, so ``json.dumps`` and Airflow's XComs refuse it. Pass ``list(values)`` to them. It can
    be read only in the process of the task that received it, while that task runs. When it is pickled for
    another process, as a batch with ``runner="processes"`` does, all values are read, and go with it.

    Args:
        length: The number of values.
        read: Returns the values from one position to another.

    Example:
        >>> values = CollectedSequence(3, lambda start, stop: ["a", "b", "c"][start:stop])
        >>> values[-1], values[:2], "b" in values
        ('c', ['a', 'b'], True)
        >>> values == ["a", "b", "c"], values + ["d"]
        (True, ['a', 'b', 'c', 'd'])
        >>> list(values)
        ['a', 'b', 'c']
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
            # The previous page is released first, because two pages would need twice the memory.
            self._page = None
            start = number * PAGE_SIZE
            self._page = (number, self._read(start, min(start + PAGE_SIZE, self._length)))
        return self._page[1][offset]

    def __add__(self, other: object) -> list[Any]:
        return [*self, *other] if _is_list(other) else NotImplemented

    def __radd__(self, other: object) -> list[Any]:
        return [*other, *self] if _is_list(other) else NotImplemented

    def __eq__(self, other: object) -> bool:
        # Like a list, it is not equal to a tuple of the same values.
        if not _is_list(other):
            return NotImplemented
        return len(self) == len(other) and all(
            own is its or own == its for own, its in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __deepcopy__(self, memo: dict[int, Any]) -> CollectedSequence:
        # A copy for another thread, with a page of its own. It reads nothing.
        return CollectedSequence(self._length, self._read)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _in_memory, (list(self),)

    def __repr__(self) -> str:
        return f"<{self._length} collected values, read page by page>"


class CollectedMapping(Mapping[str, Any]):
    """The values of a collection by key, as ``collect(keyed=True, lazy=True)`` returns them.

    It behaves like a dict that cannot be changed, and reads its values as `CollectedSequence` does. Iteration
    reads each page once. Access to a key of another page reads that page. ``values | other`` is an ordinary
    dict, and ``json.dumps`` and Airflow's XComs need ``dict(values)``.

    Args:
        positions: Key -> position in ``values``.
        values: The values of the collection.

    Example:
        >>> values = CollectedSequence(2, lambda start, stop: [1, 2][start:stop])
        >>> by_key = CollectedMapping({"a": 0, "b": 1}, values)
        >>> by_key["b"], by_key.get("c"), list(by_key.items())
        (2, None, [('a', 1), ('b', 2)])
        >>> dict(by_key)
        {'a': 1, 'b': 2}
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

    def __reversed__(self) -> Iterator[str]:
        return reversed(list(self._positions))

    def __len__(self) -> int:
        return len(self._positions)

    def __or__(self, other: object) -> dict[str, Any]:
        return {**self, **other} if isinstance(other, Mapping) else NotImplemented

    def __ror__(self, other: object) -> dict[str, Any]:
        return {**other, **self} if isinstance(other, Mapping) else NotImplemented

    def __repr__(self) -> str:
        return f"<{len(self)} collected values by key, read page by page>"


def converted(values: Any, convert: Callable[[Any], Any]) -> Any:
    """Return a lazy collection of what a function makes of the values of another one, when they are read."""
    if isinstance(values, CollectedMapping):
        return CollectedMapping(values._positions, converted(values._values, convert))
    return CollectedSequence(
        len(values), lambda start, stop: [convert(each) for each in values._read(start, stop)]
    )


def _in_memory(values: list[Any]) -> CollectedSequence:
    """Return a collection of values that are all in memory."""
    return CollectedSequence(len(values), lambda start, stop: values[start:stop])


def _is_list(value: object) -> TypeGuard[list[Any] | CollectedSequence]:
    return isinstance(value, (list, CollectedSequence))
