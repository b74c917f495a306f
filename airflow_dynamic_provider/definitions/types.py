"""Checks a produced value against the declared type of its output, and never changes the value."""

from __future__ import annotations

import functools
import operator
import types
import typing
import warnings
from typing import Any

from airflow_dynamic_provider.definitions.classes import is_class
from airflow_dynamic_provider.errors import DeclarationError, OutputTypeError

# As for type checkers (PEP 484), an int is accepted where a float is declared.
_NUMERIC_TOWER: dict[type, tuple[type, ...]] = {float: (int, float), complex: (int, float, complex)}


def check_type(value: Any, declared: Any) -> None:
    """Refuse ``value`` unless it has the declared type.

    Classes are checked with ``isinstance``, both alone and inside other annotations. Pydantic checks other
    annotations in strict mode. Its result is discarded, so the value does not change.

    Raises:
        OutputTypeError: The value has another type.
        DeclarationError: The declared type cannot be checked.
    """
    if declared is Any or declared is object:
        return
    if has_instances(declared):
        if not isinstance(value, _NUMERIC_TOWER.get(declared, declared)):
            raise _mismatch(value, declared, "")
        return

    # Imported here, because only a producing task needs pydantic, and a Dag file does not.
    from pydantic import PydanticUserError, ValidationError

    try:
        _adapter(declared).validate_python([value], strict=True)
    except PydanticUserError as error:
        # A quoted name that cannot be resolved is found only with the first value.
        raise _uncheckable(declared, error) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        # The place omits the list around the value, and the names of members of a union.
        place = "".join(f"[{part!r}]" for part in first["loc"][1:] if "is-instance[" not in str(part))
        raise _mismatch(value, declared, f" ({place + ': ' if place else ''}{first['msg']})") from None


def from_json(value: Any, declared: Any) -> Any:
    """Return the object of a type that pydantic makes of plain JSON, in strict mode.

    Raises:
        ValueError: The JSON does not fit the type.
    """
    import json

    from pydantic import PydanticUserError, ValidationError

    try:
        return _json_adapter(declared).validate_json(json.dumps(value), strict=True)
    except PydanticUserError as error:
        raise ValueError(f"pydantic cannot read it: {error.message}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "".join(f"[{part!r}]" for part in first["loc"])
        raise ValueError(f"{place + ': ' if place else ''}{first['msg']}") from None


@functools.lru_cache(maxsize=128)
def _json_adapter(declared: Any) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(declared)


def has_instances(declared: Any) -> bool:
    """Return whether a type can be checked with ``isinstance``."""
    # ``Any`` is a class since Python 3.11. isinstance() refuses a TypedDict and most protocols.
    return (
        is_class(declared)
        and declared is not Any
        and not hasattr(declared, "__total__")
        and not getattr(declared, "_is_protocol", False)
    )


def _mismatch(value: Any, declared: Any, detail: str) -> OutputTypeError:
    wanted = declared.__name__ if has_instances(declared) else declared
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
    """Return the pydantic adapter that checks a list of one value."""
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter
    from pydantic_core import SchemaError

    try:
        with warnings.catch_warnings():
            # pydantic only warns if the annotation is not a type, and then accepts every value.
            warnings.filterwarnings("error", "(?s).* is not a Python type")
            # The value is in a list, because a TypedDict alone accepts no configuration.
            one_value: Any = types.GenericAlias(list, (_checkable(declared),))
            return TypeAdapter(one_value, config=ConfigDict(arbitrary_types_allowed=True))
    except (PydanticUserError, SchemaError, Warning, NameError, RecursionError) as error:
        raise _uncheckable(declared, error) from error


class _ByInstance:
    """Tells pydantic to check a class with ``isinstance``, without conversion.

    Args:
        is_all: Whether this is the whole check, or only the first part of a check with constraints.
    """

    def __init__(self, *, is_all: bool) -> None:
        self.is_all = is_all

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        classes = _NUMERIC_TOWER.get(source, source)
        by_instance = core_schema.is_instance_schema(classes, cls_repr=source.__name__)
        return by_instance if self.is_all else core_schema.chain_schema([by_instance, handler(source)])


_BY_INSTANCE = _ByInstance(is_all=True)
_FIRST_BY_INSTANCE = _ByInstance(is_all=False)


def _checkable(annotation: Any, around: tuple[Any, ...] = ()) -> Any:
    """Return the annotation, changed so that each class in it is checked as it is when it is alone.

    Even in strict mode, pydantic accepts a dict as a model, a list as a named tuple and a string as a complex
    number, and it refuses ``True`` as an ``int``. Before Python 3.12, it supports a TypedDict only if it is
    from typing_extensions.

    Args:
        annotation: The annotation.
        around: The TypedDicts whose fields are being read. A TypedDict that contains itself stays unchanged.
    """
    from typing_extensions import is_typeddict

    if is_typeddict(annotation):
        return annotation if annotation in around else _checkable_typed_dict(annotation, around)
    if has_instances(annotation):
        return typing.Annotated[annotation, _BY_INSTANCE]
    origin: Any = typing.get_origin(annotation)
    given = typing.get_args(annotation)
    if origin is type:
        return annotation
    if origin is typing.Annotated:
        by_instance = has_instances(given[0])
        parts = (*given, _FIRST_BY_INSTANCE) if by_instance else (_checkable(given[0], around), *given[1:])
        return origin[parts]
    arguments = tuple(_checkable(argument, around) for argument in given)
    if all(map(operator.is_, arguments, given)):
        return annotation
    if origin is types.UnionType:
        return functools.reduce(operator.or_, arguments)
    return origin[arguments[0] if len(arguments) == 1 else arguments]


def _checkable_typed_dict(typed_dict: Any, around: tuple[Any, ...]) -> Any:
    from typing_extensions import NotRequired, Required, TypedDict, get_type_hints

    make: Any = TypedDict
    markers: dict[bool, Any] = {True: Required, False: NotRequired}
    fields: dict[str, Any] = {}
    for name, hint in get_type_hints(typed_dict, include_extras=True).items():
        field = _checkable(hint, (*around, typed_dict))
        is_marked = typing.get_origin(hint) in markers.values()
        fields[name] = field if is_marked else markers[name in typed_dict.__required_keys__][field]
    twin = make(typed_dict.__name__, fields)
    if (config := getattr(typed_dict, "__pydantic_config__", None)) is not None:
        twin.__pydantic_config__ = config
    return twin


def _uncheckable(declared: Any, error: Exception) -> DeclarationError:
    reason = " ".join(str(getattr(error, "message", error)).split()).rstrip(".")
    return DeclarationError(
        f"the declared type {declared!r} cannot be checked: {reason}",
        remedy="Declare a class, an ordinary annotation or a @runtime_checkable protocol, or Any to check "
        "nothing.",
    )
