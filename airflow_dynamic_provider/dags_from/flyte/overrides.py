"""Finds the settings of single calls: ``t(x=1).with_overrides(retries=3)``, ``map_task(t, metadata=...)``.

Airflow knows a task with its settings before it runs. So the Dag has a further task for each such call, and
the settings must be constants of the Dag file.
"""

from __future__ import annotations

import ast
import contextlib
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.flyte.call_settings import NAMES
from airflow_dynamic_provider.errors import WorkflowError
from airflow_dynamic_provider.workflows.declared.allowed import MAPS_MARK
from airflow_dynamic_provider.workflows.declared.finding import (
    UNKNOWN,
    behind_partial,
    evaluate,
    evaluate_keywords,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


def variations(calls: Sequence[ast.Call], scope: Mapping[str, Any]) -> Iterator[tuple[Any, bool]]:
    """Yield the tasks with the settings of single calls, and whether each is mapped.

    Args:
        calls: The calls in the code of a body.
        scope: Name -> value of the names in it.
    """
    for node in calls:
        for task, settings, is_mapped in (*_overridden(node, calls, scope), *_mapped(node, scope)):
            # A refused setting is refused again, with its line, when the body makes the call.
            with contextlib.suppress(WorkflowError):
                yield task.override(**settings), is_mapped


def _overridden(
    node: ast.Call, calls: Sequence[ast.Call], scope: Mapping[str, Any]
) -> Iterator[tuple[Any, dict[str, Any], bool]]:
    if isinstance(node.func, ast.Attribute) and node.func.attr == "with_overrides":
        settings = evaluate_keywords([word for word in node.keywords if word.arg not in NAMES], scope)
        for task, is_mapped in _called(node.func.value, calls, scope) if settings else ():
            yield task, settings or {}, is_mapped


def _mapped(node: ast.Call, scope: Mapping[str, Any]) -> Iterator[tuple[Any, dict[str, Any], bool]]:
    if getattr(evaluate(node.func, scope), MAPS_MARK, False) is True and node.args:
        task: Any = evaluate(behind_partial(node.args[0], scope), scope)
        for word in node.keywords:
            metadata: Any = evaluate(word.value, scope) if word.arg == "metadata" else UNKNOWN
            if metadata is not UNKNOWN and hasattr(type(task), "override"):
                yield task, metadata.settings(), True


def _called(
    expression: ast.expr, calls: Sequence[ast.Call], scope: Mapping[str, Any]
) -> Iterator[tuple[Any, bool]]:
    """Yield the tasks that an expression may be the promise of: of a call, or of a name that got one."""
    if isinstance(expression, ast.Name):
        for each in calls:
            if expression.id in getattr(each, "assigned_to", ()):
                yield from _called(each, (), scope)
        return
    if not isinstance(expression, ast.Call):
        return
    function = expression.func
    is_mapped = isinstance(function, ast.Call)
    task = evaluate(function, scope)
    if not hasattr(type(task), "override"):
        # ``map_task(task)(...)``, or ``create_node(task, ...)``.
        given = function.args if isinstance(function, ast.Call) else expression.args
        task = evaluate(behind_partial(given[0], scope), scope) if given else UNKNOWN
    if hasattr(type(task), "override"):
        yield task, is_mapped
