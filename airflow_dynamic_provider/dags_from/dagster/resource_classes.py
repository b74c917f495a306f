"""``ConfigurableResource``: resources that are pydantic models."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import pydantic

from airflow_dynamic_provider.dags_from.dagster.config import read_environment, resolve
from airflow_dynamic_provider.dags_from.dagster.config_classes import LateModel
from airflow_dynamic_provider.dags_from.dagster.config_forms import misfit
from airflow_dynamic_provider.dags_from.dagster.declarations import MISSING
from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvariantViolationError
from airflow_dynamic_provider.dags_from.dagster.io_managers import IOManager, files_below

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.dags_from.dagster.resources import InitResourceContext


class ConfigurableResource(LateModel):
    """The base of a resource whose fields are its config.

    Override `setup_for_execution` and `teardown_after_execution`, or `yield_for_execution`.
    """

    is_dagster_resource: ClassVar[bool] = True

    _init_context: Any = pydantic.PrivateAttr(default=None)

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

    def get_resource_context(self) -> InitResourceContext:
        """Return the context with which the resource was set up.

        Raises:
            DagsterInvariantViolationError: It is not set up.
        """
        if self._init_context is None:
            raise DagsterInvariantViolationError(
                f"the resource {type(self).__name__} was asked for its context before it was set up",
                remedy="Ask for it in setup_for_execution(), or in a method that an op calls.",
            )
        found: InitResourceContext = self._init_context
        return found

    @property
    def required_resource_keys(self) -> set[str]:
        """The other resources that it uses: none, because nested ones are its fields."""
        return set()

    def config_of(self, given: Any, at: str) -> Any:
        """Return the fields that the run's config gives.

        Raises:
            DagsterInvalidConfigError: They do not fit, or name an environment variable that is not set.
        """
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        found = _checked(type(self), fields, given, at)
        for name, value in fields.items():
            if name not in found and not hasattr(value, "config_of"):
                read_environment(value, f"{at}.{name}")
        return found

    def open(self, stack: contextlib.ExitStack, context: InitResourceContext) -> Any:
        """Set it up, with the environment's values, and have the stack tear it down."""
        ready = _ready(self, context)
        ready._init_context = context
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


class FilesystemIOManager(ConfigurableIOManagerFactory):
    """Keeps each output as a pickle in a file below ``base_dir``: `fs_io_manager`, by its newer name."""

    base_dir: str | None = None

    def create_io_manager(self, context: InitResourceContext) -> IOManager:
        """Return the IO manager."""
        return files_below(self.base_dir)


class ResourceDependency:
    """Annotates a field of a resource that takes another resource: ``ResourceDependency[Client]``."""

    def __class_getitem__(cls, kind: Any) -> Any:
        return Any


class _AtLaunch:
    """A `ConfigurableResource` whose fields the run's config gives."""

    required_resource_keys: frozenset[str] = frozenset()

    def __init__(self, cls: Any, fields: dict[str, Any]) -> None:
        self._cls = cls
        self._fields = fields

    def config_of(self, given: Any, at: str) -> Any:
        found = _checked(self._cls, self._fields, given, at)
        for name, field in self._cls.model_fields.items():
            if field.is_required() and name not in {**self._fields, **found}:
                raise misfit(f"{at}.{name}", "is required and was not given")
        return found

    def open(self, stack: contextlib.ExitStack, context: InitResourceContext) -> Any:
        made = self._cls(**{**self._fields, **context.resource_config})
        return made.open(stack, context.without_config())


def _checked(cls: Any, fields: dict[str, Any], given: Any, at: str) -> dict[str, Any]:
    """Return the fields of a resource that a run's config gives."""
    if given is MISSING or given is None:
        return {}
    known: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in cls.model_fields.items()
        if name in given and not hasattr(fields.get(name), "config_of")
    }
    found = resolve(pydantic.create_model(cls.__name__, __base__=LateModel, **known), given, at)
    return {name: getattr(found, name) for name in given}


def _ready(given: Any, context: InitResourceContext) -> Any:
    """Return a copy in which variables of the environment are read, and nested resources are set up."""
    fields, opened = {}, {}
    for name in type(given).model_fields:
        value = getattr(given, name)
        if hasattr(value, "config_of"):
            opened[name] = context.open_nested(value)
        else:
            fields[name] = read_environment(context.resource_config.get(name, value), f"the field {name}")
    return type(given).model_construct(**fields, **opened) if opened else type(given)(**fields)
