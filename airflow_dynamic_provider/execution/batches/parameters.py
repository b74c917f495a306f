"""The arguments that a batched function takes from the task context, as any ``@task`` does."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class ContextParameters:
    """Finds once which parameters of a function Airflow fills in from the context.

    Args:
        function: The function.

    Attributes:
        names: The names of the parameters that can be filled.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        parameters = inspect.signature(function).parameters.values()
        self._names = [each.name for each in parameters if each.kind != inspect.Parameter.VAR_KEYWORD]
        self._by_position = {
            each.name
            for each in parameters
            if each.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL)
        }
        self.names = frozenset(self._names) - self._by_position
        self._takes_all = any(each.kind == inspect.Parameter.VAR_KEYWORD for each in parameters)

    def fill(
        self, args: Sequence[Any], kwargs: Mapping[str, Any], context: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Return the arguments by name, with those that the context has and the call leaves out."""
        given = set(self._names[: len(args)])
        if self._takes_all:
            return {**{name: context[name] for name in context if name not in given}, **kwargs}
        left = [name for name in self._names if name not in given and name not in self._by_position]
        return {**{name: context[name] for name in left if name in context}, **kwargs}
