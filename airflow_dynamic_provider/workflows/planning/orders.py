"""Converts the orders that a body sets between nodes and calls into what each node waits for.

A body can order whole calls, as in ``a >> call >> b``. A plan stores only what each node waits for, which may
be a call. A call is done when all its nodes are, so ``call >> b`` is stored unchanged. This module converts
the other two cases:

* If a call waits for something, as in ``a >> call``, its first nodes wait for it (`start_calls`).
* A call without nodes has no end of its own, so nodes that wait for it wait for its upstream (`see_through`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence

#: A node or a call.
E = TypeVar("E", bound="Hashable")


def waits(
    after: Mapping[E, Sequence[E]],
    uses: Mapping[E, Sequence[E]],
    members: Mapping[E, Sequence[E]],
    inside: Mapping[E, Collection[E]],
) -> dict[E, list[E]]:
    """Return node or call -> the nodes, and calls with nodes, that it waits for by the body's orders.

    Args:
        after: Node or call -> the nodes and calls that the body orders before it.
        uses: Node -> the nodes and calls that its arguments refer to.
        members: Call -> its nodes, including those of calls inside it; a call comes before those inside it.
        inside: Call -> all nodes and calls inside it.
    """
    empty = {call for call, nodes in members.items() if not nodes}
    # The output of a call without nodes exists from the start, but nodes that use it must keep its order.
    ordered = {
        each: [*before, *(one for one in uses.get(each, ()) if one in empty)]
        for each, before in after.items()
    }
    used = {node: [one for one in found if one not in empty] for node, found in uses.items()}
    return start_calls(see_through(ordered, empty), used, members, inside)


def see_through(after: Mapping[E, Sequence[E]], empty: Collection[E]) -> dict[E, list[E]]:
    """Return the orders without the calls that have no nodes.

    A node that waits for such a call waits for the upstream of the call instead.

    Example:
        >>> see_through({"a": [], "empty": ["a"], "b": ["empty"]}, {"empty"})
        {'a': [], 'empty': ['a'], 'b': ['a']}
    """
    return {
        each: list(
            dict.fromkeys(found for one in before for found in _behind(one, after, empty, frozenset()))
        )
        for each, before in after.items()
    }


def _behind(one: E, after: Mapping[E, Sequence[E]], empty: Collection[E], seen: frozenset[E]) -> Iterator[E]:
    if one not in empty:
        yield one
    elif one not in seen:
        for each in after[one]:
            yield from _behind(each, after, empty, seen | {one})


def start_calls(
    after: Mapping[E, Sequence[E]],
    uses: Mapping[E, Sequence[E]],
    members: Mapping[E, Sequence[E]],
    inside: Mapping[E, Collection[E]],
) -> dict[E, list[E]]:
    """Return the orders with the upstream of each call added to its first nodes.

    The first nodes are those that wait for nothing inside the call.
    The other nodes of a call wait for its first nodes, and so for the same upstream.

    Example:
        >>> after = {"a": [], "call": ["a"], "first": [], "then": ["first"]}
        >>> start_calls(after, {}, {"call": ["first", "then"]}, {"call": {"first", "then"}})
        {'a': [], 'call': ['a'], 'first': ['a'], 'then': ['first']}
    """
    found = {each: dict.fromkeys(before) for each, before in after.items()}
    for call, nodes in members.items():
        within = {call, *inside[call]}
        for node in nodes:
            is_first = within.isdisjoint(uses.get(node, ())) and within.isdisjoint(found[node])
            # A call ordered before itself has no first node: all its nodes are in the cycle that is refused.
            if is_first or call in after[call]:
                found[node].update(dict.fromkeys(after[call]))
    return {each: list(before) for each, before in found.items()}
