"""What each node waits for, of orders that a body gives to nodes and to calls.

A body orders whole calls, ``a >> call >> b``, and a plan stores no order of a call: only what each node waits
for, which may be a call. A call that is waited for is done when all its nodes are, so ``call >> b`` is stored
as it is said. Two things are not, and are put onto nodes here:

* what a call itself waits for, ``a >> call``: its first nodes wait for that (`start_calls`);
* a call without nodes, of which nobody could say when it is done (`see_through`).
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
        after: Node or call -> what the body orders before it.
        uses: Node -> what its arguments refer to.
        members: Call -> its nodes, those of calls inside it too; a call stands before those inside it.
        inside: Call -> all nodes and calls inside it.
    """
    empty = {call for call, nodes in members.items() if not nodes}
    # What a call without nodes gives is there from the start, but its order holds for who uses that, too.
    ordered = {
        each: [*before, *(one for one in uses.get(each, ()) if one in empty)]
        for each, before in after.items()
    }
    used = {node: [one for one in found if one not in empty] for node, found in uses.items()}
    return start_calls(see_through(ordered, empty), used, members, inside)


def see_through(after: Mapping[E, Sequence[E]], empty: Collection[E]) -> dict[E, list[E]]:
    """Return the orders without calls that have no nodes: who waits for one waits for what that waits for.

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
    """Return the orders with what calls wait for at their first nodes: those that wait for nothing inside.

    The other nodes of a call wait for the first ones, and so for the same.

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
            # A call before itself has no first node: all its nodes are in the ring that is then refused.
            if is_first or call in after[call]:
                found[node].update(dict.fromkeys(after[call]))
    return {each: list(before) for each, before in found.items()}
