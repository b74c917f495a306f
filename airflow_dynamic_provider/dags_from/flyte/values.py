"""Converts values to plain JSON on their way between tasks, and back to the types that a program declares.

Values are checked as strictly as flytekit checks them, and never converted to another type. The class of an
object is always the declared one, never one that stored data names.
"""

from __future__ import annotations

import functools
import json
import types
import typing
from collections.abc import Mapping
from typing import Any

from airflow_dynamic_provider.dags_from.flyte.adapters import adapter_of
from airflow_dynamic_provider.definitions.classes import is_class
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import OutputTypeError
from airflow_dynamic_provider.workflows.plan.references import Placeholder

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

# flytekit takes no value of a related type for these: no int for a float, no bool for an int.
_EXACT = (bool, float, int, str)

# Containers whose items are declared, item by item.
_CONTAINERS = (list, dict, tuple)


def encode(value: Any, hint: Any, noun: str) -> Any:
    """Return the JSON of a value. Promises in it stay as they are.

    Args:
        value: The value.
        hint: Its declared type.
        noun: What it is, for messages.

    Raises:
        OutputTypeError: The value is not of the type, or would not come back as it is.
    """
    if isinstance(value, Placeholder):
        # The task that makes the value checks it.
        return value
    _check(value, hint, noun)
    if _holds_promise(value):
        return _encode_items(value, hint, noun)
    form = _dump(value, hint, noun)
    if _is_loose(hint) and not _is_same(_load(form, hint, noun), value):
        raise OutputTypeError(
            f"{noun} would change on its way to the next task: {excerpt(value)}",
            remedy="Annotate what is inside it, as in list[tuple[int, str]] or a dataclass.",
        )
    return form


def decode(form: Any, hint: Any, noun: str) -> Any:
    """Return the value of a JSON. Promises in it stay as they are.

    Raises:
        OutputTypeError: It is not the JSON of such a value.
    """
    if isinstance(form, Placeholder):
        return form
    if _holds_promise(form):
        return _decode_items(form, hint, noun)
    return _load(form, hint, noun)


def reread(form: Any, hint: Any, noun: str) -> Any:
    """Return the JSON of a Dag param as a task would have written it. An int may be given for a float.

    Raises:
        OutputTypeError: It is not the JSON of such a value.
    """
    return _dump(_load(form, hint, noun), hint, noun)


def param(hint: Any, default: Any) -> dict[str, Any]:
    """Return the arguments of the Dag param for an input."""
    kind = _PARAM_TYPES.get(typing.get_origin(hint) or hint)
    if default is REQUIRED:
        # Airflow's triggerer ends with an error when a task starts in it whose Dag has a param without a
        # default. So the planning task refuses a missing value.
        return {"default": None, "description": "Required.", **({"type": ["null", kind]} if kind else {})}
    default = encode(default, hint, "the default")
    schema = {} if kind is None else {"type": ["null", kind] if default is None else kind}
    return {"default": default, **schema}


def _dump(value: Any, hint: Any, noun: str) -> Any:
    from pydantic import ValidationError
    from pydantic_core import PydanticSerializationError

    try:
        return adapter_of(hint).dump_python(value, mode="json", warnings="error")
    except (PydanticSerializationError, ValidationError, TypeError, ValueError) as error:
        raise OutputTypeError(
            f"{noun} must be {shown(hint)}, received {excerpt(value)} of type {type(value).__name__}: "
            f"{error}",
            remedy="Correct the value or the annotation.",
        ) from error


def _load(form: Any, hint: Any, noun: str) -> Any:
    from pydantic import ValidationError

    try:
        return adapter_of(hint).validate_json(json.dumps(form), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{part!r}]" for part in first["loc"])
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise OutputTypeError(
            f"{noun} must be {shown(hint)}, received {excerpt(form)}: {reason}",
            remedy="Correct the value or the annotation.",
        ) from None


def _encode_items(value: Any, hint: Any, noun: str) -> Any:
    if isinstance(value, dict):
        item = _item_hint(hint)
        return {key: encode(each, item, f"{noun}, key {key!r},") for key, each in value.items()}
    if isinstance(value, list):
        item = _item_hint(hint)
        return [encode(each, item, f"{noun}, item {index},") for index, each in enumerate(value)]
    return tuple(
        encode(each, part, f"{noun}, item {index},")
        for index, (each, part) in enumerate(zip(value, _part_hints(hint, len(value)), strict=True))
    )


def _decode_items(form: Any, hint: Any, noun: str) -> Any:
    if isinstance(form, dict):
        item = _item_hint(hint)
        return {key: decode(each, item, f"{noun}, key {key!r},") for key, each in form.items()}
    item = _item_hint(hint)
    return [decode(each, item, f"{noun}, item {index},") for index, each in enumerate(form)]


def _item_hint(hint: Any) -> Any:
    items = typing.get_args(hint)
    return items[-1] if items else Any


def _part_hints(hint: Any, length: int) -> Any:
    if hasattr(hint, "_fields"):
        return typing.get_type_hints(hint, include_extras=True).values()
    items = typing.get_args(hint)
    return items if len(items) == length and items[-1] is not Ellipsis else [_item_hint(hint)] * length


def _holds_promise(value: Any) -> bool:
    if isinstance(value, Placeholder):
        return True
    if isinstance(value, dict):
        return any(map(_holds_promise, value.values()))
    return isinstance(value, list | tuple) and any(map(_holds_promise, value))


def _check(value: Any, hint: Any, noun: str) -> None:
    if isinstance(value, Placeholder):
        return
    if not _fits(value, hint):
        raise OutputTypeError(
            f"{noun} must be {shown(hint)}, received {excerpt(value)} of type {type(value).__name__}",
            remedy="Convert the value, or correct the annotation. Values are never converted between tasks.",
        )
    origin, items = typing.get_origin(hint), typing.get_args(hint)
    if origin is list and items:
        for index, item in enumerate(value):
            _check(item, items[0], f"{noun}, item {index},")
    elif origin is dict and items:
        for key, item in value.items():
            _check(key, items[0], f"a key of {noun}")
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
    if is_class(kind) and hasattr(kind, "_fields"):
        return isinstance(value, tuple) and len(value) == len(kind._fields)
    if (accepts := getattr(kind, "__flyte_accepts__", None)) is not None:
        return bool(accepts(value))
    return not is_class(kind) or isinstance(value, kind)


@functools.lru_cache(maxsize=256)
def _is_loose(hint: Any) -> bool:
    """Whether an annotation leaves open what is inside a container."""
    if hint in (Any, object, *_CONTAINERS):
        return True
    return any(_is_loose(item) for item in typing.get_args(hint) if item is not Ellipsis)


def _is_same(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(_is_same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_is_same, one, other))
    return bool(one == other)


def shown(hint: Any) -> str:
    """Return an annotation for a message."""
    return hint.__name__ if is_class(hint) else str(hint)
