"""Walks through the lists, tuples, sets and dicts that an argument of an operator may be made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: What is taken apart, beside dicts; named tuples are among the tuples.
SEQUENCES = (list, tuple, set)


def leaves(value: Any) -> Iterator[Any]:
    """Yield what a value holds that is no container; of dicts, what their values hold."""
    if isinstance(value, dict):
        for each in value.values():
            yield from leaves(each)
    elif isinstance(value, SEQUENCES):
        for each in value:
            yield from leaves(each)
    else:
        yield value


def rebuilt(container: Any, parts: Sequence[Any]) -> Any:
    """Return a list, tuple, named tuple or set of other parts."""
    return type(container)(*parts) if hasattr(container, "_fields") else type(container)(parts)
