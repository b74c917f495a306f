"""Binds the arguments of a call in a body to parameters, as Airflow does when the task runs."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.workflows.plan.plan import POSITIONAL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_Parameter = inspect.Parameter
_UNNAMED_KINDS = (_Parameter.POSITIONAL_ONLY, _Parameter.VAR_POSITIONAL)
_VARIADIC = (_Parameter.VAR_POSITIONAL, _Parameter.VAR_KEYWORD)


def bind(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], *, is_partial: bool = False
) -> dict[str, Any]:
    """Return parameter -> argument of a call; all positional ones under ``"*"`` if some have no name.

    Parameters that Airflow fills from the task context, such as ``ti``, may be left out.

    Args:
        function: The called function.
        args: Its positional arguments.
        kwargs: Its named arguments.
        is_partial: Whether arguments may still be missing.

    Raises:
        WorkflowCallError: The arguments do not fit. It is a ``TypeError``, like the one that Python raises.
    """
    signature, required = _signature(function)
    try:
        bound = signature.bind_partial(*args, **kwargs)
    except TypeError as error:
        raise _misfit(function, str(error)) from None
    missing = [name for name in required if name not in bound.arguments]
    if missing and not is_partial:
        raise _misfit(function, f"missing a required argument: {', '.join(map(repr, missing))}")
    return _flatten(signature, bound)


def with_context(
    function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], context: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the named arguments, with those that the function takes from the task context, as for a task.

    Arguments of the call take precedence. A parameter that is missing in the context is ``None``, unless it
    has a default.
    """
    signature, _ = _signature(function)
    given = signature.bind_partial(*args, **kwargs).arguments
    asked = {
        name: context.get(name)
        for name, each in signature.parameters.items()
        if name in _context_keys()
        and name not in given
        and each.kind not in (*_VARIADIC, _Parameter.POSITIONAL_ONLY)
        and (name in context or each.default is _Parameter.empty)
    }
    return {**asked, **kwargs}


def parameter_names(function: Callable[..., Any]) -> list[str]:
    """Return the names of the parameters that take positional arguments, in order."""
    signature, _ = _signature(function)
    context = _context_keys()
    return [
        each.name
        for each in signature.parameters.values()
        if each.kind is _Parameter.POSITIONAL_OR_KEYWORD and each.name not in context
    ]


@functools.lru_cache(maxsize=4096)
def _signature(function: Callable[..., Any]) -> tuple[inspect.Signature, tuple[str, ...]]:
    signature = inspect.signature(function)
    context = _context_keys()
    required = tuple(
        each.name
        for each in signature.parameters.values()
        if each.default is _Parameter.empty and each.kind not in _VARIADIC and each.name not in context
    )
    return signature, required


@functools.lru_cache(maxsize=1)
def _context_keys() -> frozenset[str]:
    from airflow_dynamic_provider.airflow_adapter.running import context_keys

    return context_keys() | {"mapping_key"}


def _flatten(signature: inspect.Signature, bound: inspect.BoundArguments) -> dict[str, Any]:
    parameters = signature.parameters
    if any(parameters[name].kind in _UNNAMED_KINDS for name in bound.arguments):
        return {POSITIONAL: list(bound.args), **bound.kwargs}
    named: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        named |= value if parameters[name].kind is _Parameter.VAR_KEYWORD else {name: value}
    return named


def _misfit(function: Callable[..., Any], problem: str) -> WorkflowCallError:
    name = getattr(function, "__name__", repr(function))
    return WorkflowCallError(f"the call of {name!r} does not fit: {problem}", remedy="Correct the arguments.")
