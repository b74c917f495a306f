"""Finds the line of a function's ``return`` after the function has returned and its frame is gone."""

from __future__ import annotations

import ast
import inspect
import os
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def return_line(function: Any) -> str | None:
    """Return the file and the line of a function's ``return``, in the form of messages.

    It is the line of the definition if the function has several ``return`` statements, or if its source is
    missing. The result is ``None`` for a callable that is not written in Python.
    """
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return None
    return f"{os.path.basename(code.co_filename)}, line {_only_return(function) or code.co_firstlineno}"


def _only_return(function: Any) -> int | None:
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError):
        # The file is missing or has changed, or the function is a lambda inside a call.
        return None
    found = [each.lineno for statement in tree.body for each in _returns(statement)]
    return first + found[0] - 1 if len(found) == 1 else None


def _returns(node: ast.AST, *, is_outermost: bool = True) -> Iterator[ast.Return]:
    if isinstance(node, ast.Return) and node.value is not None:
        yield node
    is_inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef)
    if is_inner and not is_outermost:
        return
    for child in ast.iter_child_nodes(node):
        yield from _returns(child, is_outermost=False)
