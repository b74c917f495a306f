"""Chooses the codec of a type."""

from __future__ import annotations

import dataclasses
import enum
import functools
import operator
import re
import types
import typing
import warnings
from collections.abc import Callable, Mapping, MutableMapping, MutableSequence, MutableSet, Sequence, Set
from typing import Any

from airflow_dynamic_provider.definitions.annotations import fields_of
from airflow_dynamic_provider.definitions.classes import is_class
from airflow_dynamic_provider.definitions.codecs.classes import (
    DataclassCodec,
    ModelCodec,
    NamedTupleCodec,
)
from airflow_dynamic_provider.definitions.codecs.codec import SCALARS, Codec, Identity
from airflow_dynamic_provider.definitions.codecs.containers import (
    DICT_KINDS,
    ITEM_KINDS,
    Dict,
    Fields,
    Items,
    Tuple,
)
from airflow_dynamic_provider.definitions.codecs.leaves import LEAVES, EnumCodec, PydanticCodec
from airflow_dynamic_provider.definitions.codecs.unions import Maybe, Union

# The names of modules before a name.
_MODULES = re.compile(r"(?:\w+\.)+(?=\w)")

_ANYTHING = Identity("Any")

# A type checker accepts an int where a float is declared.
_NUMBERS: dict[type, type | tuple[type, ...]] = {float: (int, float)}

# An abstract container -> the containers whose values it may have.
_ABSTRACT: dict[Any, tuple[Any, ...]] = {
    Sequence: (list, tuple),
    MutableSequence: (list,),
    Set: (set, frozenset),
    MutableSet: (set,),
    Mapping: (dict,),
    MutableMapping: (dict,),
}


def codec_of(declared: Any) -> Codec:
    """Return the codec of a type. It changes nothing if the type says nothing about the form of values."""
    try:
        return _cached(declared)
    except TypeError:
        # An annotation with an unhashable part, such as Annotated[int, [...]].
        return _make(declared)


@functools.lru_cache(maxsize=1024)
def _cached(declared: Any) -> Codec:
    return _make(declared)


def _make(declared: Any) -> Codec:
    declared = _bare(declared)
    if declared is Any:
        # It is a class since Python 3.11.
        return _ANYTHING
    origin, arguments = typing.get_origin(declared), typing.get_args(declared)
    if origin in (typing.Union, types.UnionType):
        return _union(_name(declared), arguments)
    if origin is typing.Literal:
        classes = dict.fromkeys(map(type, arguments))
        return _union(_name(declared), tuple(classes))
    if not is_class(origin or declared):
        return _ANYTHING
    return _of_class(declared, origin or declared, arguments)


def _of_class(declared: Any, cls: type, arguments: tuple[Any, ...]) -> Codec:
    name = _name(declared)
    if cls in SCALARS:
        return Identity(name, _NUMBERS.get(cls, cls))
    if cls in LEAVES:
        return LEAVES[cls]
    if cls in ITEM_KINDS:
        return Items(name, cls, _argument(arguments, 0))
    if cls in DICT_KINDS:
        return Dict(name, cls, _argument(arguments, 0), _argument(arguments, 1))
    if cls is tuple:
        return _tuple(name, arguments)
    if cls in _ABSTRACT:
        return _abstract(name, cls, arguments)
    if hasattr(cls, "__total__"):
        return Fields(name, _fields(cls, _arguments_by_name(cls, arguments)))
    return _of_authors_class(declared, cls, arguments, name)


def _of_authors_class(declared: Any, cls: type, arguments: tuple[Any, ...], name: str) -> Codec:
    if issubclass(cls, enum.Enum):
        return EnumCodec(cls)
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return NamedTupleCodec(cls, name, _fields(cls, _arguments_by_name(cls, arguments), cls._fields))
    if dataclasses.is_dataclass(cls):
        names = [each.name for each in dataclasses.fields(cls)]
        return DataclassCodec(cls, name, _fields(cls, _arguments_by_name(cls, arguments), names))
    if hasattr(cls, "__pydantic_core_schema__") and hasattr(cls, "model_fields"):
        return ModelCodec(cls, name, functools.cache(lambda: _model_fields(cls)))
    return _of_pydantic(declared, cls, name)


def _argument(arguments: tuple[Any, ...], at: int) -> Codec:
    return codec_of(arguments[at]) if len(arguments) > at else _ANYTHING


def _tuple(name: str, arguments: tuple[Any, ...]) -> Codec:
    if not arguments or arguments[-1] is Ellipsis:
        return Items(name, tuple, _argument(arguments, 0))
    return Tuple(name, [codec_of(each) for each in arguments if each != ()])


def _abstract(name: str, cls: type, arguments: tuple[Any, ...]) -> Codec:
    kinds: list[Any] = []
    for kind in _ABSTRACT[cls]:
        given = (*arguments, Ellipsis) if kind is tuple and arguments else arguments
        kinds.append(kind[given] if given else kind)
    return codec_of(kinds[0]) if len(kinds) == 1 else _union(name, tuple(kinds))


def _union(name: str, declared: Sequence[Any]) -> Codec:
    # ``Annotated[Path, "a note"] | Path`` has one member.
    types_: list[Any] = []
    for each in map(_bare, declared):
        if each not in types_:
            types_.append(each)
    members = [codec_of(each) for each in types_]
    if all(isinstance(each, Identity) for each in members):
        return Identity(name)
    others = [codec for codec, each in zip(members, types_, strict=True) if each not in (None, type(None))]
    if len(others) == 1 < len(members):
        return Maybe(name, others[0])
    if len({each.name for each in members}) < len(members):
        # Two classes of the same name: which one is meant would not be known.
        return _ANYTHING
    return Union(name, members)


def _of_pydantic(declared: Any, cls: type, name: str) -> Codec:
    """Return the codec of a class that pydantic knows, or one that leaves the objects to Airflow."""
    from pydantic import PydanticUserError, TypeAdapter
    from pydantic_core import SchemaError

    if cls is object or getattr(cls, "_is_protocol", False):
        return _ANYTHING
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return PydanticCodec(name, cls, TypeAdapter(declared))
    except (PydanticUserError, SchemaError, Warning, NameError, TypeError, RecursionError):
        return Identity(name, cls)


def _fields(
    cls: type, arguments: Mapping[Any, Any], names: Sequence[str] | None = None
) -> Callable[[], Mapping[str, Codec]]:
    def make() -> Mapping[str, Codec]:
        hints = fields_of(cls)
        return {
            name: codec_of(_substituted(hints.get(name, Any), arguments))
            for name in (hints if names is None else names)
        }

    return functools.cache(make)


def _model_fields(cls: Any) -> Mapping[str, Codec]:
    return {name: codec_of(field.annotation) for name, field in cls.model_fields.items()}


def _arguments_by_name(cls: Any, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    """Return type variable -> argument of a generic class."""
    return dict(zip(getattr(cls, "__parameters__", ()), arguments, strict=False))


def _substituted(annotation: Any, arguments: Mapping[Any, Any]) -> Any:
    if isinstance(annotation, typing.TypeVar):
        return arguments.get(annotation, annotation)
    parameters = getattr(annotation, "__parameters__", ())
    if not parameters or is_class(annotation) or not arguments:
        return annotation
    return annotation[tuple(arguments.get(each, each) for each in parameters)]


def _bare(declared: Any) -> Any:
    """Return a type without what says nothing about its values: names, constraints, qualifiers."""
    while True:
        origin = typing.get_origin(declared)
        if origin is typing.Annotated or origin in _qualifiers():
            declared = typing.get_args(declared)[0]
        elif hasattr(declared, "__supertype__"):
            declared = declared.__supertype__
        elif type(declared).__name__ == "TypeAliasType":
            declared = declared.__value__
        elif isinstance(declared, typing.TypeVar):
            declared = declared.__bound__ or _either(declared.__constraints__)
        else:
            return declared


def _either(constraints: tuple[Any, ...]) -> Any:
    return functools.reduce(operator.or_, constraints) if constraints else Any


@functools.cache
def _qualifiers() -> tuple[Any, ...]:
    from typing_extensions import NotRequired, ReadOnly, Required

    return (Required, NotRequired, ReadOnly, typing.Final)


def _name(declared: Any) -> str:
    """Return a type as a string, without modules: that of a Dag file has another name on another machine."""
    return declared.__qualname__ if is_class(declared) else _MODULES.sub("", str(declared))
