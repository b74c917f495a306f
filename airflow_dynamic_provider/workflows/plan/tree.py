"""Renders a plan as an indented tree, for the log of the planning task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_dynamic_provider.workflows.plan import templates
from airflow_dynamic_provider.workflows.plan.plan import POSITIONAL, SEPARATOR, Plan, PlannedNode

_LONGEST = 40


def render_plan(plan: Plan) -> str:
    """Return the plan as text: each call with its parts below it, each node with its function and arguments.

    Example:
        >>> print(render_plan(merge_sort.plan({"numbers": [2, 1]})))  # doctest: +SKIP
        merge_sort: 2 nodes
          split: split(numbers=[2, 1])
          merge: merge(left=split[0], right=split[1])
    """
    noun = "node" if len(plan.nodes) == 1 else "nodes"
    return "\n".join([f"{plan.workflow}: {len(plan.nodes)} {noun}", *_lines(plan)])


def _lines(plan: Plan) -> Iterator[str]:
    shown: set[str] = set()
    for node in _by_part(plan):
        parts = node.name.split(SEPARATOR)
        for end in range(1, len(parts)):
            around = SEPARATOR.join(parts[:end])
            if around not in shown:
                shown.add(around)
                yield f"{'  ' * end}{parts[end - 1]}{_demand(plan, around)}"
        yield f"{'  ' * len(parts)}{parts[-1]}: {_call(node)}{_order(node)}"


def _by_part(plan: Plan) -> list[PlannedNode]:
    """Return the nodes with those of a call together, even if others have to run in between."""
    place: dict[str, int] = {}
    for position, node in enumerate(plan.nodes):
        parts = node.name.split(SEPARATOR)
        for end in range(1, len(parts) + 1):
            place.setdefault(SEPARATOR.join(parts[:end]), position)

    def key(node: PlannedNode) -> list[int]:
        parts = node.name.split(SEPARATOR)
        return [place[SEPARATOR.join(parts[:end])] for end in range(1, len(parts) + 1)]

    return sorted(plan.nodes, key=key)


def _demand(plan: Plan, name: str) -> str:
    call = plan.calls_by_name.get(name)
    if call is None or call.min_success_ratio is None:
        return "/"
    return f"/ (min_success_ratio={call.min_success_ratio})"


def _call(node: PlannedNode) -> str:
    positional = node.arguments.get(POSITIONAL, [])
    named = [f"{name}={_short(one)}" for name, one in node.arguments.items() if name != POSITIONAL]
    return f"{node.kind}({', '.join([*map(_short, positional), *named])})"


def _order(node: PlannedNode) -> str:
    return f" after {', '.join(node.after)}" if node.after else ""


def _short(template: Any) -> str:
    text = _render(template)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _render(template: Any) -> str:
    if isinstance(template, list):
        return f"[{', '.join(map(_render, template))}]"
    if not isinstance(template, Mapping):
        return repr(template)
    if "$ref" in template:
        return str(templates.references(template)[0])
    if "$template" in template:
        return f"template({template['$template']!r})"
    if "$tuple" in template:
        return f"({', '.join(map(_render, template['$tuple']))})"
    if "$dict" in template:
        return f"{{{', '.join(f'{_render(key)}: {_render(one)}' for key, one in template['$dict'])}}}"
    if "$class" in template:
        fields = ", ".join(f"{name}={_render(one)}" for name, one in template["fields"].items())
        return f"{template['$class'].rpartition(':')[2]}({fields})"
    return f"{{{', '.join(f'{key!r}: {_render(one)}' for key, one in template.items())}}}"
