"""Checks the values between tasks as strictly as flytekit does."""

from __future__ import annotations

import functools
import json
import types
import typing
from typing import Any

from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import OutputTypeError
from airflow_dynamic_provider.workflows.plan.references import Placeholder

# flytekit takes no value of a related type for these: no int for a float, no bool for an int.
_EXACT = (bool, float, int, str)


#: In place of the default of an input that has none.
REQUIRED = object()

# The type of a Dag param, for which Airflow's page has a field.
_PARAM_TYPES = {
    bool: "boolean",
    float: "number",
    int: "integer",
    str: "string",
    list: "array",
    dict: "object",
}


def param(hint: Any, default: Any) -> dict[str, Any]:
    """Return the arguments of the Dag param for an input."""
    kind = _PARAM_TYPES.get(typing.get_origin(hint) or hint)
    schema: dict[str, Any] = {} if kind is None else {"type": kind}
    if default is REQUIRED:
        return schema
    default = _adapter(hint).dump_python(default, mode="json")
    return {**schema, "default": default, **({"type": ["null", kind]} if default is None and kind else {})}


def from_json(value: Any, hint: Any, noun: str) -> Any:
    """Return the value of a Dag param as the type that the input declares.

    Raises:
        OutputTypeError: It is not such a value.
    """
    from pydantic import ValidationError

    try:
        return _adapter(hint).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise OutputTypeError(
            f"{noun} must be {_shown(hint)}, received {excerpt(value)}: {first['msg']}",
            remedy="Correct the configuration of the Dag run.",
        ) from None


@functools.lru_cache(maxsize=256)
def _adapter(hint: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(hint)


def received(value: Any, hint: Any, noun: str) -> Any:
    """Return an input as the function gets it.

    Raises:
        OutputTypeError: The value has another type.
    """
    _check(value, hint, noun)
    return value


def sent(value: Any, hint: Any, noun: str) -> Any:
    """Return an output as the function's caller gets it.

    Raises:
        OutputTypeError: The value has another type.
    """
    _check(value, hint, noun)
    return value


def _check(value: Any, hint: Any, noun: str) -> None:
    if isinstance(value, Placeholder):
        # The task that makes the value checks it.
        return
    if not _fits(value, hint):
        raise OutputTypeError(
            f"{noun} must be {_shown(hint)}, received {excerpt(value)} of type {type(value).__name__}",
            remedy="Convert the value, or correct the annotation. Values are never converted between tasks.",
        )
    origin, items = typing.get_origin(hint), typing.get_args(hint)
    if origin is list and items:
        for index, item in enumerate(value):
            _check(item, items[0], f"{noun}, item {index},")
    elif origin is dict and items:
        for key, item in value.items():
            _check(item, items[1], f"{noun}, key {key!r},")


def _fits(value: Any, hint: Any) -> bool:
    if hint is Any:
        return True
    origin, items = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _fits(value, items[0])
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, item) for item in items)
    if hint is None or hint is type(None):
        return value is None
    if hint in _EXACT:
        return type(value) is hint
    kind = origin or hint
    if isinstance(kind, type) and hasattr(kind, "_fields"):
        return isinstance(value, tuple) and len(value) == len(kind._fields)
    return not isinstance(kind, type) or isinstance(value, kind)


def _shown(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)
