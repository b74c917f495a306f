"""``Config`` objects as a run's config has them: an enum by its name, one of a tagged union under its tag."""

from __future__ import annotations

import enum
import inspect
import os
import types
import typing
from collections.abc import Mapping
from typing import Any

from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvalidConfigError
from airflow_dynamic_provider.definitions.excerpts import excerpt

_UNIONS = (typing.Union, types.UnionType)


def is_pythonic(schema: Any) -> bool:
    """Return whether a schema is a class of the kind of ``Config``, which pydantic checks."""
    return inspect.isclass(schema) and hasattr(schema, "model_validate")


def to_config(value: Any) -> Any:
    """Return the config that a ``Config`` object stands for, or a value inside one."""
    if hasattr(value, "get_value"):
        return {"env": value.env_var_name}
    if is_pythonic(type(value)):
        fields = type(value).model_fields
        values = {name: getattr(value, name) for name in fields} | (value.model_extra or {})
        return {name: _field_to_config(fields.get(name), each) for name, each in values.items()}
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, Mapping):
        return {name: to_config(each) for name, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_config(each) for each in value]
    # Imported here, because few configs have other objects.
    import pydantic_core

    return pydantic_core.to_jsonable_python(value)


def _field_to_config(field: Any, value: Any) -> Any:
    tag = getattr(field, "discriminator", None)
    if not isinstance(tag, str) or value is None:
        return to_config(value)
    plain = to_config(value)
    return {plain.pop(tag): plain}


def from_config(kind: Any, given: Any, at: str, field: Any = None) -> Any:
    """Return what pydantic takes for an annotated type, from a run's config. Pydantic refuses other misfits.

    Args:
        kind: The annotated type. That of a whole config is a subclass of ``Config``.
        given: The config.
        at: Where it is in the run's config, for messages.
        field: The pydantic field that the type is of.

    Raises:
        DagsterInvalidConfigError: An enum does not have the name.
    """
    arguments = typing.get_args(kind)
    if kind is int and isinstance(given, Mapping) and set(given) == {"env"}:
        return int(environment_value(given["env"], at))
    tag = getattr(field, "discriminator", None)
    if isinstance(tag, str) and isinstance(given, Mapping):
        return _of_tag(arguments, tag, given, at)
    if typing.get_origin(kind) is typing.Annotated:
        return from_config(arguments[0], given, at)
    if typing.get_origin(kind) in _UNIONS:
        inner = [each for each in arguments if each is not type(None)]
        return from_config(inner[0], given, at) if len(inner) == 1 and given is not None else given
    if inspect.isclass(kind) and issubclass(kind, enum.Enum) and isinstance(given, str):
        if given not in kind.__members__:
            raise misfit(at, f"received {excerpt(given)}; it is one of {', '.join(kind.__members__)}")
        return kind[given]
    if is_pythonic(kind) and isinstance(given, Mapping):
        fields = kind.model_fields
        return {
            name: from_config(fields[name].annotation, each, f"{at}.{name}", fields[name])
            if name in fields
            else each
            for name, each in given.items()
        }
    if isinstance(given, Mapping) and len(arguments) == 2:
        return {name: from_config(arguments[1], each, f"{at}.{name}") for name, each in given.items()}
    if isinstance(given, list) and arguments:
        return [from_config(arguments[0], each, f"{at}[{index}]") for index, each in enumerate(given)]
    return given


def _of_tag(members: tuple[Any, ...], tag: str, given: Mapping[str, Any], at: str) -> Any:
    """Return the member of a tagged union, which a config has under its tag."""
    for member in members:
        names = typing.get_args(member.model_fields[tag].annotation)
        if len(given) == 1 and (name := next(iter(given))) in names:
            return {**from_config(member, given[name] or {}, f"{at}.{name}"), tag: name}
    return given


def misfit(at: str, problem: str) -> DagsterInvalidConfigError:
    """Return the error for a config that does not fit.

    Args:
        at: Where it is in the run's config.
        problem: What is wrong.
    """
    return DagsterInvalidConfigError(
        f"the config at {at} {problem}", remedy="Correct the run's conf, or the config of the job."
    )


def environment_value(name: str, at: str) -> str:
    """Return the value of an environment variable that a config names."""
    if name not in os.environ:
        raise misfit(at, f"names the environment variable {name!r}, which is not set")
    return os.environ[name]
