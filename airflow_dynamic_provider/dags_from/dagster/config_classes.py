"""``Config`` and ``EnvVar``: configs that are pydantic models."""

from __future__ import annotations

import os
from typing import Any

import pydantic

from airflow_dynamic_provider.dags_from.dagster.config import environment_value


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

    def get_value(self, default: Any = None) -> Any:
        """Return the value now."""
        return os.environ.get(str.__str__(self), default)

    def read(self) -> Any:
        """Return the value now, as the field of a config.

        Raises:
            DagsterInvalidConfigError: The variable is not set.
        """
        return environment_value(str.__str__(self), "an EnvVar")


class _IntEnvVar(EnvVar):
    __slots__ = ()

    def read(self) -> Any:
        return int(super().read())


class Config(pydantic.BaseModel):
    """The base of an op's config: fields with types and defaults."""

    model_config = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class PermissiveConfig(Config):
    """A config that may have other fields, too."""

    model_config = pydantic.ConfigDict(extra="allow")
