"""Evaluates the annotations of functions and classes."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


#: The attribute of a function that converts its arguments and its return value itself. Its annotations say
#: nothing about the values that it takes and returns.
CONVERTS_MARK = "_converts_its_values"

#: The attribute of such a function: parameter and argument -> what of it counts as an input of a cached task.
KEY_FORM_MARK = "_key_form"


@functools.lru_cache(maxsize=4096)
def types_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """Return parameter -> evaluated annotation, with ``"return"`` for the return value.

    A parameter without an annotation, and one whose annotation cannot be evaluated, is missing.
    """
    function = declaring(function)
    if _converts(function):
        return {}
    return _evaluated(getattr(function, "__annotations__", {}), getattr(function, "__globals__", {}))


def declaring(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, below its decorators, whose annotations are about the values."""
    declared: Callable[..., Any] = inspect.unwrap(function, stop=_converts)
    return declared


def key_form_of(function: Callable[..., Any]) -> Callable[[str, Any], Any]:
    """Return what says, for a parameter and its argument, what of it counts as an input of a cached task."""
    form: Callable[[str, Any], Any] = getattr(declaring(function), KEY_FORM_MARK, lambda _, value: value)
    return form


def is_by_content(annotation: Any) -> bool:
    """Return whether an annotation names `FileContent`: it then says nothing about the type of the value."""
    return getattr(annotation, "counts_by_content", False) is True or any(
        map(is_by_content, typing.get_args(annotation))
    )


def _converts(function: Callable[..., Any]) -> bool:
    return getattr(function, CONVERTS_MARK, False) is True


@functools.lru_cache(maxsize=1024)
def fields_of(cls: type) -> Mapping[str, Any]:
    """Return attribute -> evaluated annotation of a class. One that cannot be evaluated is missing."""
    try:
        return typing.get_type_hints(cls, include_extras=True)
    except Exception:
        # The evaluation can raise any error.
        found: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            module = inspect.getmodule(base)
            found |= _evaluated(vars(base).get("__annotations__", {}), vars(module) if module else {})
        return found


def _evaluated(annotations: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Return name -> evaluated annotation.

    Each is evaluated alone, because one may need an import that only a type checker makes.
    """
    found: dict[str, Any] = {}
    for name, annotation in annotations.items():
        alone = types.SimpleNamespace(__annotations__={name: annotation})
        try:
            found |= typing.get_type_hints(alone, dict(known), include_extras=True)
        except Exception:
            # The evaluation can raise any error. The annotation then says nothing about the value.
            continue
    return found
