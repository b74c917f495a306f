"""Config schemas: the form of an op's config, its defaults, and what is refused before anything runs."""

from __future__ import annotations

import enum
import json
import types
import typing
from collections.abc import Mapping
from typing import Any

from airflow_dynamic_provider.dags_from.dagster.config_forms import (
    environment_value,
    from_config,
    is_pythonic,
    misfit,
)
from airflow_dynamic_provider.dags_from.dagster.declarations import MISSING
from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvalidDefinitionError
from airflow_dynamic_provider.dags_from.dagster.unsupported import refusing
from airflow_dynamic_provider.definitions.excerpts import excerpt


class Field:
    """A field of a config.

    Args:
        config: The type of its value: ``int``, ``str``, a list of one type, a dict of fields, ...
        default_value: The value if the config has none.
        is_required: Whether the config must have it; by default, if there is no default.
        description: A sentence about it.
    """

    @refusing("Field", is_secret="an Airflow connection or variable, and EnvVar")
    def __init__(
        self,
        config: Any,
        default_value: Any = MISSING,
        is_required: bool | None = None,
        description: str | None = None,
    ) -> None:
        self.config = config
        self.default_value = default_value
        self._is_required = is_required
        self.is_required = default_value is MISSING if is_required is None else is_required
        self.description = description
        if self.is_required and default_value is not MISSING:
            raise DagsterInvalidDefinitionError(
                f"a required field has the default {default_value!r}", remedy="Leave one of them out."
            )
        if default_value is not MISSING and not _names_environment(default_value):
            resolve(config, default_value, "the default_value of a Field")

    @property
    def must_be_given(self) -> bool:
        """Whether there is no default, not even that of the type."""
        return self._is_required is True


class Noneable:
    """A value of a type, or ``None``.

    Args:
        inner_type: The type.
    """

    def __init__(self, inner_type: Any) -> None:
        self.inner_type = inner_type


class Array:
    """A list of values of one type.

    Args:
        inner_type: The type.
    """

    def __init__(self, inner_type: Any) -> None:
        self.inner_type = inner_type


class Map:
    """A dict with any keys of one type, and values of one type.

    Args:
        key_type: The type of the keys.
        inner_type: The type of the values.
    """

    def __init__(self, key_type: Any, inner_type: Any, key_label_name: str | None = None) -> None:
        self.key_type = key_type
        self.inner_type = inner_type
        self.key_label_name = key_label_name


class Shape:
    """A dict with these fields and no others.

    Args:
        fields: Name -> type or `Field`.
    """

    def __init__(self, fields: Mapping[str, Any], description: str | None = None) -> None:
        self.fields = dict(fields)
        self.description = description


class Permissive(Shape):
    """A dict with these fields and any others."""

    def __init__(self, fields: Mapping[str, Any] | None = None, description: str | None = None) -> None:
        super().__init__(fields or {}, description)


class Selector(Shape):
    """A dict with exactly one of these fields."""


class EnumValue:
    """A value of an `Enum`.

    Args:
        config_value: The name in the config.
        python_value: The value that the op gets; by default, the name.
    """

    def __init__(self, config_value: str, python_value: Any = None, description: str | None = None) -> None:
        self.config_value = config_value
        self.python_value = config_value if python_value is None else python_value
        self.description = description


class Enum:
    """One of some names.

    Args:
        name: The name of the type.
        enum_values: The values.
    """

    def __init__(self, name: str, enum_values: list[EnumValue]) -> None:
        self.name = name
        self.values = {each.config_value: each.python_value for each in enum_values}

    @classmethod
    def from_python_enum(cls, found: type[enum.Enum], name: str | None = None) -> Enum:
        """Return the type of the names of a Python enum."""
        return cls(name or found.__name__, [EnumValue(each.name, each) for each in found])


class _Source:
    """A value, or ``{"env": "NAME"}`` for that of an environment variable."""

    def __init__(self, kind: type) -> None:
        self.kind = kind


StringSource = _Source(str)
IntSource = _Source(int)
BoolSource = _Source(bool)

_SCALARS: dict[Any, str] = {int: "integer", float: "number", str: "string", bool: "boolean"}


def resolve(schema: Any, given: Any, at: str) -> Any:
    """Return a config with its defaults.

    Args:
        schema: The schema; ``None`` if there is none.
        given: The config of the run; `MISSING` if it has none.
        at: Where it is in the run's config, for messages.

    Raises:
        DagsterInvalidConfigError: It does not fit the schema.
    """
    if schema is None:
        # As in Dagster, an op that declares no config takes any.
        return None if given is MISSING else given
    if is_pythonic(schema):
        return _validated(schema, given, at)
    if isinstance(schema, Field):
        if given is MISSING:
            if schema.must_be_given:
                raise _missing(at)
            if schema.is_required:
                return resolve(schema.config, MISSING, at)
            return (
                None if schema.default_value is MISSING else resolve(schema.config, schema.default_value, at)
            )
        return resolve(schema.config, given, at)
    if given is MISSING:
        return _implicit(schema, at)
    return _value(schema, given, at)


def _implicit(schema: Any, at: str) -> Any:
    """Return what a type stands for that was not given."""
    if isinstance(schema, Noneable):
        return None
    if schema is dict:
        return {}
    if isinstance(schema, Selector) and len(schema.fields) == 1:
        ((name, field),) = schema.fields.items()
        return {name: resolve(field, MISSING, f"{at}.{name}")}
    if isinstance(schema, (dict, Shape)) and not isinstance(schema, Selector):
        return _fields(schema, {}, at)
    raise _missing(at)


def _missing(at: str) -> Exception:
    return misfit(at, "is required and was not given")


def _value(schema: Any, given: Any, at: str) -> Any:
    if schema is Any:
        return given
    if schema in (dict, list):
        return _of_class(schema, given, at)
    if isinstance(schema, Noneable):
        return None if given is None else _value(schema.inner_type, given, at)
    if typing.get_origin(schema) in (typing.Union, types.UnionType):
        (inner,) = (each for each in typing.get_args(schema) if each is not type(None))
        return None if given is None else _value(inner, given, at)
    if isinstance(schema, Field) or is_pythonic(schema):
        return resolve(schema, given, at)
    if isinstance(schema, (dict, Shape)):
        return _fields(schema, given, at)
    if isinstance(schema, Map):
        mapping = _of_class(dict, given, at)
        return {
            _value(schema.key_type, key, at): _value(schema.inner_type, each, f"{at}.{key}")
            for key, each in mapping.items()
        }
    if isinstance(schema, (Array, list)) or typing.get_origin(schema) is list:
        inner = _inner(schema)
        return [
            _value(inner, each, f"{at}[{index}]") for index, each in enumerate(_of_class(list, given, at))
        ]
    if isinstance(schema, Enum):
        if given not in schema.values:
            raise misfit(at, f"received {excerpt(given)}; it is one of {', '.join(schema.values)}")
        return schema.values[given]
    if isinstance(schema, _Source):
        if isinstance(given, Mapping) and set(given) == {"env"}:
            return schema.kind(environment_value(given["env"], at))
        return _scalar(schema.kind, given, at)
    if schema in _SCALARS:
        return _scalar(schema, given, at)
    raise DagsterInvalidDefinitionError(
        f"{schema!r} is not a type of a config",
        remedy="Use int, float, str, bool, a list or dict of them, or Field.",
    )


def _inner(schema: Any) -> Any:
    if isinstance(schema, Array):
        return schema.inner_type
    inner = schema if isinstance(schema, list) else typing.get_args(schema)
    return inner[0] if inner else Any


def _scalar(kind: type, given: Any, at: str) -> Any:
    fits = isinstance(given, kind) and (kind is bool or not isinstance(given, bool))
    if kind is float and isinstance(given, int) and not isinstance(given, bool):
        return float(given)
    if not fits:
        raise misfit(
            at, f"must be of type {kind.__name__}, received {excerpt(given)} of type {type(given).__name__}"
        )
    return given


def _of_class(kind: type, given: Any, at: str) -> Any:
    if not isinstance(given, Mapping if kind is dict else kind):
        raise misfit(
            at, f"must be a {kind.__name__}, received {excerpt(given)} of type {type(given).__name__}"
        )
    return given


def _fields(schema: Any, given: Any, at: str) -> dict[str, Any]:
    fields = schema.fields if isinstance(schema, Shape) else schema
    given = _of_class(dict, given, at)
    unknown = [name for name in given if name not in fields]
    if unknown and not isinstance(schema, Permissive):
        known = ", ".join(fields) or "there are none"
        raise misfit(f"{at}.{unknown[0]}", f"is not a field of this config; its fields: {known}")
    if isinstance(schema, Selector):
        if len(given) != 1:
            raise misfit(
                at, f"must have exactly one of the fields {', '.join(fields)}, received {excerpt(given)}"
            )
        fields = {name: fields[name] for name in given}
    found = {name: given[name] for name in unknown}
    for name, field in fields.items():
        is_optional = isinstance(field, Field) and not field.is_required
        if name in given or not is_optional or field.default_value is not MISSING:
            found[name] = resolve(field, given.get(name, MISSING), f"{at}.{name}")
    return found


def _validated(schema: Any, given: Any, at: str) -> Any:
    from pydantic import ValidationError

    try:
        return _strictly(schema, {} if given is MISSING or given is None else given, at)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join([at, *map(str, first["loc"])])
        raise misfit(where, f"{first['msg']}, received {excerpt(first.get('input'))}") from None


def _strictly(schema: Any, given: Any, at: str) -> Any:
    """Return the object of a config. No number is made of a string, and no ``int`` of a ``float``."""
    plain = read_environment(from_config(schema, given, at), at)
    try:
        # As JSON, so that a date may be a string, and a tuple a list.
        text = json.dumps(plain, default=_enum_value)
    except TypeError:
        return schema.model_validate(plain, strict=True)
    return schema.model_validate_json(text, strict=True)


def _enum_value(given: Any) -> Any:
    if isinstance(given, enum.Enum):
        return given.value
    raise TypeError(f"{type(given).__name__} is not JSON")


def _names_environment(given: Any) -> bool:
    if isinstance(given, Mapping):
        return set(given) == {"env"} or any(map(_names_environment, given.values()))
    return isinstance(given, list) and any(map(_names_environment, given))


def read_environment(given: Any, at: str) -> Any:
    """Return a config in which the environment variables that it names are replaced by their values.

    Args:
        given: The config.
        at: Where it is in the run's config, for messages.

    Raises:
        DagsterInvalidConfigError: A variable is not set.
    """
    if hasattr(given, "get_value"):
        return given.read(at)
    if isinstance(given, dict):
        if set(given) == {"env"} and isinstance(given["env"], str):
            return environment_value(given["env"], at)
        return {name: read_environment(each, f"{at}.{name}") for name, each in given.items()}
    if isinstance(given, (list, tuple)):
        return [read_environment(each, f"{at}[{index}]") for index, each in enumerate(given)]
    if is_pythonic(type(given)):
        fields = type(given).model_fields
        return {name: read_environment(getattr(given, name), f"{at}.{name}") for name in fields}
    return given
