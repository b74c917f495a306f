"""Selections of ops: ``"op"``, ``"*op"``, ``"op*"``, ``"++op"``, ``"op+"``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvalidSubsetError
from airflow_dynamic_provider.dags_from.dagster.handles import FanIn, OutputHandle
from airflow_dynamic_provider.dags_from.dagster.nodes import Composition, Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_CLAUSE = re.compile(r"(\*|\+*)([\w.]+)(\*|\+*)")


def selected(composition: Composition, selection: Sequence[str]) -> Composition:
    """Return the nodes that a selection names.

    Args:
        composition: The nodes of a job.
        selection: The clauses. A node that one of them names is selected.

    Raises:
        DagsterInvalidSubsetError: A clause names no op, or a selected op needs one that is not.
    """
    upstream = {path: {node.path for node in _upstream(node)} for path, node in composition.nodes.items()}
    downstream = {path: {each for each in upstream if path in upstream[each]} for path in upstream}
    names: set[str] = set()
    for clause in selection:
        names |= _named(clause, upstream, downstream, composition)
    kept = [node for path, node in composition.nodes.items() if path in names]
    return Composition(
        {node.path: _within(node, names) for node in kept}, composition.graphs, composition.inputs
    )


def _within(node: Node, names: set[str]) -> Node:
    """Return a node without the inputs from ops that are not selected. The config gives their values."""
    inputs = {}
    for name, value in node.inputs.items():
        lacking = [each.path for each in _nodes_of(value) if each.path not in names]
        if not lacking:
            inputs[name] = value
        elif node.mapped_over is not None or not isinstance(value, OutputHandle):
            raise DagsterInvalidSubsetError(
                f"the selection has {node.path!r} and not {lacking[0]!r}, whose output it needs",
                remedy=f'Select it too: "*{node.path}" selects all that {node.path!r} needs.',
            )
    return Node(node.definition, node.path, inputs, node.settings, node.mapped_over, node.batch)


def _named(
    clause: str, upstream: dict[str, set[str]], downstream: dict[str, set[str]], composition: Composition
) -> set[str]:
    match = _CLAUSE.fullmatch(clause.strip())
    path = match[2] if match else clause
    start = {each for each in upstream if each == path or each.startswith(f"{path}.")}
    if match is None or not start:
        raise DagsterInvalidSubsetError(
            f"the selection {clause!r} names no op of the job",
            remedy=f"Its ops are {', '.join(composition.nodes)}. Keys cannot be selected.",
        )
    return start | _reached(start, upstream, match[1]) | _reached(start, downstream, match[3])


def _reached(start: set[str], edges: dict[str, set[str]], how: str) -> set[str]:
    found: set[str] = set()
    todo, steps = start, len(edges) if how == "*" else len(how)
    for _ in range(steps):
        todo = {other for each in todo for other in edges[each]} - found
        found |= todo
    return found


def _upstream(node: Node) -> Iterator[Node]:
    for value in node.inputs.values():
        yield from _nodes_of(value)


def _nodes_of(value: Any) -> Iterator[Node]:
    if isinstance(value, list):
        for each in value:
            yield from _nodes_of(each)
    elif isinstance(value, FanIn):
        yield value.source.node
    elif isinstance(value, OutputHandle):
        yield value.node
