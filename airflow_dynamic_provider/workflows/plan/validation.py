"""What a recorded graph must not be: a ring, too large, or with one name twice."""

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

#: How many nodes a plan may have unless the workflow says otherwise.
DEFAULT_MAX_NODES = 1000

#: How deep workflows may call one another while one plan is made. Python itself ends at some five times that.
MAX_DEPTH = 100


def check_name(name: object, separator: str) -> str:
    """Return the name that an author gave to a node or a call, or refuse it.

    Raises:
        NodeNameError: It is no mapping key, or holds a ``/``.
    """
    try:
        checked = check_mapping_key(name)
    except InvalidMappingKeyError as error:
        raise NodeNameError(f"{name!r} is not a name for a node: {error.message}") from error
    if separator in checked:
        raise NodeNameError(
            f"{checked!r} is not a name for a node, for {separator!r} separates a call from its nodes",
            remedy=f"Use another character than {separator!r}.",
        )
    return checked


def refuse_duplicate(name: str, first_line: str) -> None:
    """Refuse a name that another node of the same body has.

    Raises:
        NodeNameError: Always; its text has both lines.
    """
    raise NodeNameError(
        f"the name {name!r} is given to two nodes; the first one is at {first_line}",
        remedy="Give each node of a body its own task_id, or none: then it gets a name of its own.",
    )


def check_count(count: int, max_nodes: int, workflow: str) -> None:
    """Refuse more nodes than a workflow may have.

    Raises:
        TooManyNodesError: It is the first one too many.
    """
    if count > max_nodes:
        raise TooManyNodesError(
            f"the workflow {workflow!r} has {count} nodes so far, and max_nodes={max_nodes}",
            remedy="Let each node do more, or raise it: @dynamic_workflow(max_nodes=...).",
        )


def check_depth(depth: int, workflow: str) -> None:
    """Refuse workflows that call one another without end.

    Raises:
        TooManyNodesError: They are nested deeper than one plan may be.
    """
    if depth > MAX_DEPTH:
        raise TooManyNodesError(
            f"the workflow {workflow!r} is called {depth} deep inside workflows, all with values that are "
            "known, so the calls probably never end",
            remedy="End the recursion, or pass a promise: such a call is planned when its value exists.",
        )


def topological_order(upstream: Mapping[str, Sequence[str]], lines: Mapping[str, str]) -> list[str]:
    """Return all names so that each stands after its upstream; where free, in the order given.

    Args:
        upstream: Name -> the names that it waits for; names that are not in it are taken for done.
        lines: Name -> where it was called.

    Raises:
        NodeCycleError: Some wait for one another.
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
        # Every name that is left waits for another one that is left.
        name = min(waiting[name])
    # Each of the path waits for the next one, so they would run the other way round.
    ring = [*path[seen[name] :], name][::-1]
    called = "; ".join(f"{each!r} is called at {lines[each]}" for each in dict.fromkeys(ring))
    raise NodeCycleError(
        f"nodes wait for one another: {' -> '.join(repr(each) for each in ring)}; {called}",
        remedy="Leave out one of the >> between them.",
    )
