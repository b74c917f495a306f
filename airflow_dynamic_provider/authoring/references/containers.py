"""Walks through the lists, tuples, sets and dicts in an argument of an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The containers that are walked through, apart from dicts. Tuples include named tuples.
SEQUENCES = (list, tuple, set)


def leaves(value: Any) -> Iterator[Any]:
    """Yield the objects in a value that are not containers. The keys of dicts are left out."""
    if isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, SEQUENCES):
        for each in value:
            yield from leaves(each)
    else:
        yield value


def rebuilt(container: Any, parts: Sequence[Any]) -> Any:
    """Return a list, tuple, named tuple or set of the same class with other parts."""
    return type(container)(*parts) if hasattr(container, "_fields") else type(container)(parts)
