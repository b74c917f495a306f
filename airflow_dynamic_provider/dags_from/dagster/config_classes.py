"""``Config`` and ``EnvVar``: configs that are pydantic models."""

from __future__ import annotations

import os
from typing import Any

import pydantic

from airflow_dynamic_provider.dags_from.dagster.config_forms import environment_value


class EnvVar(str):
    """The name of an environment variable, whose value is read when a task runs.

    Args:
        name: The name.
    """

    __slots__ = ()

    @classmethod
    def int(cls, name: str) -> EnvVar:
        """Return a variable whose value is a number."""
        return _IntEnvVar(name)

    @property
    def env_var_name(self) -> str:
        """The name."""
        return str.__str__(self)

    def get_value(self, default: Any = None) -> Any:
        """Return the value now."""
        return os.environ.get(self.env_var_name, default)

    def read(self, at: str) -> Any:
        """Return the value now, as the field of a config.

        Args:
            at: Where it is in the config, for messages.

        Raises:
            DagsterInvalidConfigError: The variable is not set.
        """
        return environment_value(self.env_var_name, at)

    def __str__(self) -> str:
        raise RuntimeError(
            f"EnvVar({self.env_var_name!r}) was used as a string, but its value is read when a task runs. "
            "Pass it to a resource or a config, or call get_value()."
        )

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


class _IntEnvVar(EnvVar):
    __slots__ = ()

    def get_value(self, default: Any = None) -> Any:
        value = super().get_value()
        return default if value is None else int(value)

    def read(self, at: str) -> Any:
        return int(super().read(at))


class LateModel(pydantic.BaseModel):
    """A model that may have fields whose values exist only when a task runs. They are validated then."""

    model_config = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True, frozen=True)

    def __init__(self, **fields: Any) -> None:
        if not any(map(is_late, fields.values())):
            super().__init__(**fields)
            return
        made = type(self).model_construct(**fields)
        for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
            object.__setattr__(self, name, getattr(made, name))

    # Else pydantic would call it to validate a config, and would not be strict.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]


def is_late(value: Any) -> bool:
    """Return whether a value exists only when a task runs: a variable, or a resource that is not a model."""
    is_resource = hasattr(value, "config_of") and hasattr(value, "open")
    return hasattr(value, "get_value") or (is_resource and not isinstance(value, pydantic.BaseModel))


class Config(LateModel):
    """The base of an op's config: fields with types and defaults."""


class PermissiveConfig(Config):
    """A config that may have other fields, too."""

    model_config = pydantic.ConfigDict(extra="allow")
