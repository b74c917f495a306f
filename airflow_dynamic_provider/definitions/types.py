"""Checks a produced value against the type its output declares, without ever changing it."""

from __future__ import annotations

import functools
import operator
import sys
import types
import typing
import warnings
from typing import Any

from airflow_dynamic_provider.errors import DeclarationError, OutputTypeError

# As type checkers read annotations (PEP 484): an int is good where a float is asked for.
_NUMERIC_TOWER: dict[type, tuple[type, ...]] = {float: (int, float), complex: (int, float, complex)}


def check_type(value: Any, declared: Any) -> None:
    """Refuse ``value`` unless it is what ``declared`` says.

    Classes are checked with ``isinstance``; every other annotation by pydantic in strict mode, which looks
    into containers and never coerces. What pydantic returns is thrown away: the value stays as it is.

    Raises:
        OutputTypeError: The value is of another type.
        DeclarationError: The declared type cannot be checked at all.
    """
    if declared is Any or declared is object:
        return
    if isinstance(declared, type) and not _is_parametrized(declared):
        if not isinstance(value, _NUMERIC_TOWER.get(declared, declared)):
            raise _mismatch(value, declared, "")
        return

    # Late, because only a task that produces needs pydantic: a Dag file does not.
    from pydantic import PydanticUserError, ValidationError

    try:
        _adapter(declared).validate_python([value], strict=True)
    except PydanticUserError as error:
        # A name in quotes that cannot be resolved is found out by the first value.
        raise _uncheckable(declared, error) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{part!r}]" for part in first["loc"][1:])
        raise _mismatch(value, declared, f" ({place + ': ' if place else ''}{first['msg']})") from None


def _is_parametrized(declared: type) -> bool:
    # ``list[int]`` is an instance of ``type`` for isinstance() on Python 3.10; TypedDict and protocols are
    # classes that isinstance() refuses.
    return (
        hasattr(declared, "__origin__")
        or hasattr(declared, "__total__")
        or bool(getattr(declared, "_is_protocol", False))
    )


def _mismatch(value: Any, declared: Any, detail: str) -> OutputTypeError:
    wanted = declared.__name__ if isinstance(declared, type) and not _is_parametrized(declared) else declared
    shown = repr(value)
    shown = shown if len(shown) <= 120 else f"{shown[:117]}..."
    return OutputTypeError(
        f"expected a value of type {wanted}, received {shown} of type {type(value).__name__}{detail}",
        remedy="Values are never coerced: convert the value, or correct the declared type.",
    )


@functools.lru_cache(maxsize=128)
def _cached_adapter(declared: Any) -> Any:
    return _make_adapter(declared)


def _adapter(declared: Any) -> Any:
    try:
        return _cached_adapter(declared)
    except TypeError:
        # An annotation with an unhashable part, such as Annotated[int, [...]].
        return _make_adapter(declared)


def _make_adapter(declared: Any) -> Any:
    """Return what checks a list of one value."""
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter
    from pydantic_core import SchemaError

    try:
        with warnings.catch_warnings():
            # pydantic warns of what is no type at all, and then lets every value pass.
            warnings.filterwarnings("error", "(?s).* is not a Python type")
            # In a list, for by itself a TypedDict takes no configuration.
            one_value: Any = types.GenericAlias(list, (_checkable(declared),))
            return TypeAdapter(one_value, config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticUserError, SchemaError, Warning, NameError, RecursionError) as error:
        raise _uncheckable(declared, error) from error


def _checkable(annotation: Any) -> Any:
    """Return the annotation with what pydantic would not check, or would coerce, replaced by an equal.

    Before Python 3.12 it takes a TypedDict of typing_extensions only. Even when strict it makes a model of a
    dict. The fields of classes stay as they are.
    """
    from pydantic import BaseModel, InstanceOf

    origin: Any = typing.get_origin(annotation)
    if typing.is_typeddict(annotation) and sys.version_info < (3, 12):
        return _checkable_typed_dict(annotation)
    if origin is None and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        instance_of: Any = InstanceOf
        return instance_of[annotation]
    given = typing.get_args(annotation)
    arguments = tuple(map(_checkable, given))
    if all(map(operator.is_, arguments, given)):
        return annotation
    if origin is types.UnionType:
        return functools.reduce(operator.or_, arguments)
    return origin[arguments[0] if len(arguments) == 1 else arguments]


def _checkable_typed_dict(typed_dict: Any) -> Any:
    from typing_extensions import NotRequired, Required, TypedDict, get_type_hints

    markers: dict[bool, Any] = {True: Required, False: NotRequired}
    fields: dict[str, Any] = {}
    for name, hint in get_type_hints(typed_dict, include_extras=True).items():
        marker = markers[name in typed_dict.__required_keys__]
        is_marked = typing.get_origin(hint) in markers.values()
        fields[name] = _checkable(hint) if is_marked else marker[_checkable(hint)]
    return TypedDict(typed_dict.__name__, fields)  # type: ignore[operator]


def _uncheckable(declared: Any, error: Exception) -> DeclarationError:
    reason = " ".join(str(getattr(error, "message", error)).split()).rstrip(".")
    return DeclarationError(
        f"the declared type {declared!r} cannot be checked: {reason}",
        remedy="Declare a class, an ordinary annotation or a @runtime_checkable protocol, or Any to check "
        "nothing.",
    )
