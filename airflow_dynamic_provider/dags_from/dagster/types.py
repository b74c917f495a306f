"""Dagster's types, and the checks of values against them."""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.errors import (
    DagsterInvalidDefinitionError,
    DagsterTypeCheckDidNotPass,
)
from airflow_dynamic_provider.dags_from.dagster.unsupported import refusing
from airflow_dynamic_provider.definitions.excerpts import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_LISTS = (list, collections.abc.Sequence)


class Nothing:
    """The type of an input or output that orders ops and carries no value."""


class TypeCheck:
    """The result of a type check that an author wrote.

    Args:
        success: Whether the value is of the type.
        description: Why not.
        metadata: Label -> value.
    """

    def __init__(
        self, success: bool, description: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        self.success = success
        self.description = description
        self.metadata = dict(metadata or {})


class DagsterType:
    """A type with a check that an author wrote.

    Args:
        type_check_fn: Called with a context and the value; returns a bool or a `TypeCheck`.
        key: Another name, as Dagster has it.
        name: The name in messages.
        description: A sentence about it.
        typing_type: The Python type, for readers.
    """

    @refusing(
        "DagsterType",
        readers=("is_builtin", "kind", "metadata"),
        loader="the op's config, from which the op makes the value",
        required_resource_keys="resources of ops",
    )
    def __init__(
        self,
        type_check_fn: Callable[[Any, Any], bool | TypeCheck],
        key: str | None = None,
        name: str | None = None,
        description: str | None = None,
        typing_type: Any = Any,
    ) -> None:
        self.type_check_fn = type_check_fn
        self.display_name = name or key or "unnamed type"
        self.description = description
        self.typing_type = typing_type


class PythonObjectDagsterType(DagsterType):
    """The type of the instances of a class, or of several.

    Args:
        python_type: The class, or a tuple of classes.
        key: Another name, as Dagster has it.
        name: The name in messages.
        settings: As for `DagsterType`.
    """

    def __init__(
        self, python_type: Any, key: str | None = None, name: str | None = None, **settings: Any
    ) -> None:
        classes = python_type if isinstance(python_type, tuple) else (python_type,)
        super().__init__(
            lambda _context, value: isinstance(value, classes),
            key,
            name or "|".join(each.__name__ for each in classes),
            typing_type=python_type,
            **settings,
        )


_OF_CLASS: dict[type, DagsterType] = {}


@refusing("usable_as_dagster_type", loader="the op's config, from which the op makes the value")
def usable_as_dagster_type(name: Any = None, description: str | None = None) -> Any:
    """Make a class usable as a type of inputs and outputs. Any class is, so this only names it.

    Args:
        name: The name in messages; by default, that of the class.
        description: A sentence about it.
    """

    def decorate(cls: type) -> type:
        _OF_CLASS[cls] = PythonObjectDagsterType(
            cls, name=name if isinstance(name, str) else None, description=description
        )
        return cls

    return decorate(name) if inspect.isclass(name) else decorate


#: Dagster's names of Python's types.
Any_ = Any
Bool = bool
Int = int
Float = float
String = str
List = typing.List  # noqa: UP006 (Dagster programs write List[int])
Dict = typing.Dict  # noqa: UP006
Set = typing.Set  # noqa: UP006
Tuple: Any = typing.Tuple  # noqa: UP006
Optional = typing.Optional


def is_list_type(kind: Any) -> bool:
    """Return whether a declared type takes a list, so that a collection may be passed."""
    return kind is Any or kind is typing.List or kind in _LISTS or typing.get_origin(kind) in _LISTS  # noqa: UP006


def type_name(kind: Any) -> str:
    """Return the name of a type in messages."""
    if isinstance(kind, DagsterType):
        return kind.display_name
    if kind in _OF_CLASS:
        return _OF_CLASS[kind].display_name
    return kind.__name__ if inspect.isclass(kind) and not typing.get_args(kind) else str(kind)


_NAMES: dict[Any, str] = {
    Any: "Any",
    bool: "Bool",
    float: "Float",
    int: "Int",
    str: "String",
    Nothing: "Nothing",
}


def as_dagster_type(kind: Any) -> DagsterType:
    """Return a declared type as an object, as IO managers see it."""
    found = _OF_CLASS.get(kind, kind) if inspect.isclass(kind) else kind
    if isinstance(found, DagsterType):
        return found
    inner = [_NAMES.get(each, type_name(each)) for each in typing.get_args(kind)]
    name = f"[{inner[0]}]" if typing.get_origin(kind) is list else _NAMES.get(kind, type_name(kind))
    typing_type = type(None) if kind is Nothing else kind
    return DagsterType(lambda _, value: find_problem(value, kind) is None, name=name, typing_type=typing_type)


def check_kind(kind: Any, what: str) -> Any:
    """Return a declared type, or refuse one that Dagster cannot check either.

    Raises:
        DagsterInvalidDefinitionError: It is a string or a union of several types.
    """
    members = [each for each in typing.get_args(kind) if each is not type(None)]
    is_union = typing.get_origin(kind) in (typing.Union, types.UnionType)
    is_value = isinstance(kind, (int, float, bytes, list, dict, tuple, set))
    if isinstance(kind, str) or is_value or (is_union and len(members) > 1):
        raise DagsterInvalidDefinitionError(
            f"the type of {what} is {kind!r}, which Dagster does not check",
            remedy="Declare one class, Optional of one, a list or dict of them, or a DagsterType.",
        )
    return kind


def check_value(value: Any, kind: Any, what: str, context: Any = None) -> None:
    """Refuse a value that is not of its declared type. Values are never converted.

    Raises:
        DagsterTypeCheckDidNotPass: It is not of the type.
    """
    if (problem := find_problem(value, kind, context)) is not None:
        raise DagsterTypeCheckDidNotPass(
            f"the type check of {what} did not pass: expected {type_name(kind)}; {problem}",
            remedy="Correct the value, or the declared type.",
        )


def find_problem(value: Any, kind: Any, context: Any = None) -> str | None:
    """Return why a value is not of a type, or ``None`` if it is."""
    kind = _OF_CLASS.get(kind, kind) if inspect.isclass(kind) else kind
    if kind is Any or kind is Nothing:
        return None
    if isinstance(kind, DagsterType):
        found = kind.type_check_fn(context, value)
        passed = found.success if isinstance(found, TypeCheck) else found
        return None if passed else (getattr(found, "description", None) or _received(value))
    if kind is None or kind is type(None):
        return None if value is None else _received(value)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is None:
        return None if _is_instance(value, kind) else _received(value)
    if origin is typing.Annotated:
        return find_problem(value, arguments[0], context)
    if origin in (typing.Union, types.UnionType):
        return (
            None
            if any(find_problem(value, each, context) is None for each in arguments)
            else _received(value)
        )
    if origin is typing.Literal:
        return None if value in arguments else _received(value)
    if not isinstance(value, origin):
        return _received(value)
    return next(
        filter(None, (find_problem(each, of, context) for each, of in _parts(value, arguments))), None
    )


def _parts(value: Any, arguments: tuple[Any, ...]) -> list[tuple[Any, Any]]:
    """Return each part of a container with its declared type."""
    if isinstance(value, dict) and len(arguments) == 2:
        return [pair for key, each in value.items() for pair in ((key, arguments[0]), (each, arguments[1]))]
    if isinstance(value, tuple) and not (len(arguments) == 2 and arguments[1] is Ellipsis):
        return list(zip(value, arguments, strict=True)) if len(value) == len(arguments) else [(value, _Never)]
    if isinstance(value, (list, set, frozenset, tuple, collections.abc.Sequence)) and arguments:
        return [(each, arguments[0]) for each in value]
    return []


class _Never:
    """A type that no value has."""


def _is_instance(value: Any, kind: Any) -> bool:
    try:
        return isinstance(value, kind)
    except TypeError:
        # A protocol or another annotation that cannot be checked, as in Dagster.
        return True


def _received(value: Any) -> str:
    return f"received {excerpt(value)} of type {type(value).__name__}"
