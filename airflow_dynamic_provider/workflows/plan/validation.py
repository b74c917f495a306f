"""Checks a recorded graph: no cycles, not too many nodes, and unique valid names."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from airflow_dynamic_provider.definitions.keys import check_mapping_key
from airflow_dynamic_provider.errors import (
    InvalidMappingKeyError,
    NodeCycleError,
    NodeNameError,
    TooManyNodesError,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: How deep calls of workflows may be nested in one plan. Python's own limit is about five times as high.
MAX_DEPTH = 100


def check_name(name: object, separator: str) -> str:
    """Return the name that an author gave to a node or a call, or refuse it.

    Raises:
        NodeNameError: It is not a mapping key, or contains a ``/``.
    """
    try:
        checked = check_mapping_key(name)
    except InvalidMappingKeyError as error:
        raise NodeNameError(f"{name!r} is not a name for a node: {error.message}") from error
    if separator in checked:
        raise NodeNameError(
            f"{checked!r} is not a name for a node, because {separator!r} separates a call from its nodes",
            remedy=f"Use a name without {separator!r}.",
        )
    return checked


def refuse_duplicate(name: str, first_line: str) -> None:
    """Refuse a name that another node in the same body has.

    Raises:
        NodeNameError: Always. The message has both lines.
    """
    raise NodeNameError(
        f"the name {name!r} is given to two nodes; the first one is at {first_line}",
        remedy="Give each node of a body its own task_id, or leave it out to get an automatic name.",
    )


def check_count(count: int, max_nodes: int, workflow: str) -> None:
    """Refuse more nodes than a workflow may have.

    Raises:
        TooManyNodesError: The count exceeds the maximum.
    """
    if count > max_nodes:
        raise TooManyNodesError(
            f"the workflow {workflow!r} has {count} nodes so far, more than max_nodes={max_nodes}",
            remedy="Do more work in each node, or raise the limit: @dynamic_workflow(max_nodes=...).",
        )


def check_depth(depth: int, workflow: str) -> None:
    """Refuse workflows that call one another without end.

    Raises:
        TooManyNodesError: Their calls are nested too deep for one plan.
    """
    if depth > MAX_DEPTH:
        raise TooManyNodesError(
            f"the workflow {workflow!r} is nested {depth} workflows deep in one plan, so the recursion "
            "probably never ends",
            remedy="Add a condition that ends the recursion, or pass a promise: the call is then planned "
            "when its value exists.",
        )


def topological_order(upstream: Mapping[str, Sequence[str]], lines: Mapping[str, str]) -> list[str]:
    """Return all names, each after its upstream names, and otherwise in the given order.

    Args:
        upstream: Name -> the names that it waits for; names that are not keys are treated as done.
        lines: Name -> where it was called.

    Raises:
        NodeCycleError: Some names wait for one another.
    """
    rank = {name: place for place, name in enumerate(upstream)}
    waiting = {name: {other for other in others if other in rank} for name, others in upstream.items()}
    downstream: dict[str, list[str]] = {}
    for name, others in waiting.items():
        for other in others:
            downstream.setdefault(other, []).append(name)
    ready = [rank[name] for name, others in waiting.items() if not others]
    names, ordered = list(upstream), []
    while ready:
        name = names[heapq.heappop(ready)]
        ordered.append(name)
        for other in downstream.get(name, ()):
            waiting[other].discard(name)
            if not waiting[other]:
                heapq.heappush(ready, rank[other])
    if len(ordered) < len(names):
        done = set(ordered)
        _refuse_ring({name: others for name, others in waiting.items() if name not in done}, lines)
    return ordered


def _refuse_ring(waiting: Mapping[str, Iterable[str]], lines: Mapping[str, str]) -> None:
    name, seen = next(iter(waiting)), dict[str, int]()
    path: list[str] = []
    while name not in seen:
        seen[name] = len(path)
        path.append(name)
        # Every remaining name waits for another remaining name.
        name = min(waiting[name])
    # Each name in the path waits for the next, so they would run in reverse order.
    ring = [*path[seen[name] :], name][::-1]
    called = "; ".join(f"{each!r} is called at {lines[each]}" for each in dict.fromkeys(ring))
    raise NodeCycleError(
        f"nodes wait for one another: {' -> '.join(repr(each) for each in ring)}; {called}",
        remedy="Remove one of the >> between them.",
    )
