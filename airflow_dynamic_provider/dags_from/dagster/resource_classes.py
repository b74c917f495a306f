"""``ConfigurableResource``: resources that are pydantic models."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import pydantic

from airflow_dynamic_provider.dags_from.dagster.config import read_environment
from airflow_dynamic_provider.dags_from.dagster.declarations import MISSING
from airflow_dynamic_provider.dags_from.dagster.io_managers import IOManager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.dags_from.dagster.resources import InitResourceContext


class ConfigurableResource(pydantic.BaseModel):
    """The base of a resource whose fields are its config.

    Override `setup_for_execution` and `teardown_after_execution`, or `yield_for_execution`.
    """

    model_config = pydantic.ConfigDict(extra="forbid", arbitrary_types_allowed=True, frozen=True)

    is_dagster_resource: ClassVar[bool] = True

    def __init__(self, **fields: Any) -> None:
        if not any(hasattr(each, "get_value") for each in fields.values()):
            super().__init__(**fields)
            return
        # The environment is read when the resource is set up, and the fields are validated then.
        made = type(self).model_construct(**fields)
        for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
            object.__setattr__(self, name, getattr(made, name))

    @classmethod
    def configure_at_launch(cls, **fields: Any) -> Any:
        """Return the resource, whose other fields the run's config gives."""
        return _AtLaunch(cls, fields)

    def setup_for_execution(self, context: InitResourceContext) -> None:
        """Set it up. Called in the task's process."""

    def teardown_after_execution(self, context: InitResourceContext) -> None:
        """Tear it down. Called in the task's process."""

    @contextlib.contextmanager
    def yield_for_execution(self, context: InitResourceContext) -> Iterator[Any]:
        """Set it up, yield it, and tear it down."""
        self.setup_for_execution(context)
        try:
            yield self
        finally:
            self.teardown_after_execution(context)

    def create_resource(self, context: InitResourceContext) -> Any:
        """Return what ops get: the object itself."""
        return self

    def get_resource_context(self) -> Any:
        """Return nothing: a resource keeps no context."""
        return None

    @property
    def required_resource_keys(self) -> set[str]:
        """The other resources that it uses: none, because nested ones are its fields."""
        return set()

    def config_of(self, given: Any, at: str) -> Any:
        """Return the fields that the run's config gives."""
        return {} if given is MISSING or given is None else dict(given)

    def open(self, stack: contextlib.ExitStack, context: InitResourceContext) -> Any:
        """Set it up, with the environment's values, and have the stack tear it down."""
        ready = _ready(self, context.resource_config, stack, context)
        return stack.enter_context(ready.yield_for_execution(context)).create_resource(context)


class ConfigurableIOManagerFactory(ConfigurableResource, ABC):
    """A resource that makes an IO manager: override ``create_io_manager``."""

    def create_resource(self, context: InitResourceContext) -> Any:
        """Return the IO manager."""
        return self.create_io_manager(context)

    @abstractmethod
    def create_io_manager(self, context: InitResourceContext) -> Any:
        """Return the IO manager. Called in the task's process."""


class ConfigurableIOManager(ConfigurableResource, IOManager):
    """The base of an IO manager whose fields are its config."""


class _AtLaunch:
    """A `ConfigurableResource` whose fields the run's config gives."""

    required_resource_keys: frozenset[str] = frozenset()

    def __init__(self, cls: Any, fields: dict[str, Any]) -> None:
        self._cls = cls
        self._fields = fields

    def config_of(self, given: Any, at: str) -> Any:
        return {} if given is MISSING or given is None else dict(given)

    def open(self, stack: contextlib.ExitStack, context: InitResourceContext) -> Any:
        made = self._cls(**{**self._fields, **context.resource_config})
        return made.open(stack, type(context)({}, {}, context.run_id))


def _ready(
    given: Any, overrides: dict[str, Any], stack: contextlib.ExitStack, context: InitResourceContext
) -> Any:
    """Return a copy in which variables of the environment are read, and nested resources are set up."""
    fields, opened = {}, {}
    for name in type(given).model_fields:
        value = getattr(given, name)
        if isinstance(value, ConfigurableResource):
            opened[name] = value.open(stack, type(context)({}, {}, context.run_id))
        else:
            fields[name] = read_environment(overrides.get(name, value))
    return type(given).model_construct(**fields, **opened) if opened else type(given)(**fields)
