"""Resources: what ops share, set up when a run needs it and torn down at the end."""

from __future__ import annotations

import contextlib
import inspect
import threading
import typing
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.config import resolve
from airflow_dynamic_provider.dags_from.dagster.config_forms import is_pythonic
from airflow_dynamic_provider.dags_from.dagster.context import Resources, Run, get_dagster_logger
from airflow_dynamic_provider.dags_from.dagster.declarations import MISSING, RESOURCE_PARAMETER
from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvalidDefinitionError
from airflow_dynamic_provider.dags_from.dagster.unsupported import Refusing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = typing.TypeVar("T")

if TYPE_CHECKING:
    ResourceParam = typing.Annotated[T, RESOURCE_PARAMETER]
else:

    class ResourceParam:
        """Annotates a parameter of an op that takes a resource: ``ResourceParam[Client]``."""

        def __class_getitem__(cls, kind: Any) -> Any:
            return typing.Annotated[kind, RESOURCE_PARAMETER]


class InitResourceContext(Refusing):
    """The context that a resource gets when it is set up.

    Args:
        resource_config: Its config.
        resources: The resources that it requires.
        run: The run.
        open_nested: Sets up a resource that is a field of this one.
    """

    _what = "the context of a resource"

    def __init__(
        self,
        resource_config: Any,
        resources: Mapping[str, Any],
        run: Run | None = None,
        open_nested: Any = None,
    ) -> None:
        self.resource_config = resource_config
        self.resources = Resources(resources, "a resource")
        self.run = self.dagster_run = run
        self.run_id = None if run is None else run.run_id
        self.log = get_dagster_logger()
        self.open_nested = open_nested

    def without_config(self) -> InitResourceContext:
        """Return the context of a resource whose config was used already."""
        return InitResourceContext({}, {}, self.run, self.open_nested)


def build_init_resource_context(
    config: Any = None, resources: Mapping[str, Any] | None = None
) -> InitResourceContext:
    """Return a context for setting up a resource in a test."""
    return InitResourceContext(config, resources or {})


class ResourceDefinition(Refusing):
    """A resource: a function that makes it, with a config.

    Args:
        resource_fn: The function. A generator is run to its end at the end of the run.
        config_schema: The schema of its config.
        required_resource_keys: The other resources that it uses.
        description: A sentence about it.
    """

    _what = "a resource definition"

    #: What makes it: a function, or the class of a resource that exists already.
    source: Any

    def __init__(
        self,
        resource_fn: Callable[..., Any],
        config_schema: Any = None,
        description: str | None = None,
        required_resource_keys: Iterable[str] = (),
    ) -> None:
        self.resource_fn = self.source = resource_fn
        self.config_schema = config_schema
        self.description = description
        self.required_resource_keys = set(required_resource_keys or ())
        self._configured_from: tuple[Any, ResourceDefinition] | None = None

    @staticmethod
    def hardcoded_resource(value: Any, description: str | None = None) -> ResourceDefinition:
        """Return a resource that is this value."""
        made = ResourceDefinition(lambda _context: value, description=description)
        made.source = type(value)
        return made

    @staticmethod
    def none_resource(description: str | None = None) -> ResourceDefinition:
        """Return a resource that is ``None``."""
        return ResourceDefinition.hardcoded_resource(None, description)

    @staticmethod
    def string_resource(description: str | None = None) -> ResourceDefinition:
        """Return a resource that is its config, a string."""
        return ResourceDefinition(lambda context: context.resource_config, str, description)

    @staticmethod
    def mock_resource(description: str | None = None) -> ResourceDefinition:
        """Return a resource that is a mock."""
        from unittest import mock

        return ResourceDefinition(lambda _context: mock.MagicMock(), description=description)

    def configured(
        self, config_or_config_fn: Any, config_schema: Any = None, description: str | None = None
    ) -> ResourceDefinition:
        """Return a copy whose config is fixed, or computed from another config."""
        told = description or self.description
        made = type(self)(self.resource_fn, config_schema, told, self.required_resource_keys)
        made._configured_from = (config_or_config_fn, self)
        return made

    def config_of(self, given: Any, at: str) -> Any:
        """Return its config, with defaults.

        Raises:
            DagsterInvalidConfigError: It does not fit the schema.
        """
        found = resolve(self.config_schema, given, at)
        if self._configured_from is None:
            return found
        config, inner = self._configured_from
        return inner.config_of(config(found) if callable(config) else config, at)

    def open(self, stack: contextlib.ExitStack, context: InitResourceContext) -> Any:
        """Set it up, and have the stack tear it down."""
        takes_context = bool(inspect.signature(self.resource_fn).parameters)
        made = self.resource_fn(context) if takes_context else self.resource_fn()
        if inspect.isgenerator(made):
            return stack.enter_context(contextlib.contextmanager(lambda: made)())
        if isinstance(made, contextlib.AbstractContextManager) and hasattr(made, "gen"):
            return stack.enter_context(made)
        return made

    def __call__(self, context: InitResourceContext | None = None) -> Any:
        """Set it up in a test, and return it."""
        context = context or build_init_resource_context()
        config = self.config_of(
            MISSING if context.resource_config is None else context.resource_config, "a resource"
        )
        ready = InitResourceContext(config, context.resources._asdict(), context.run)
        return (
            self.resource_fn(ready) if inspect.signature(self.resource_fn).parameters else self.resource_fn()
        )


def resource(config_schema: Any = None, **settings: Any) -> Any:
    """Turn a function into a resource, as Dagster's ``@resource`` does.

    Args:
        config_schema: The schema of its config; or the function, when the decorator has no parentheses.
        settings: ``description``, ``required_resource_keys``.
    """
    settings.pop("version", None)
    if callable(config_schema) and not inspect.isclass(config_schema):
        return ResourceDefinition(config_schema)

    def decorate(function: Callable[..., Any]) -> ResourceDefinition:
        return ResourceDefinition(function, config_schema, **settings)

    return decorate


def as_definition(given: Any) -> Any:
    """Return the definition of a resource. Any other object is the resource itself."""
    if hasattr(given, "open") and hasattr(given, "config_of"):
        return given
    return ResourceDefinition.hardcoded_resource(given)


class Opened:
    """The resources of one run in one process. Each is set up when it is first needed.

    Args:
        definitions: Key -> definition.
        config: Key -> config, as in the run's config.
        run: The run; it may also be set later, before the first resource is needed.
    """

    def __init__(
        self, definitions: Mapping[str, Any], config: Mapping[str, Any], run: Run | None = None
    ) -> None:
        self._definitions = definitions
        self._config = config
        self.run = run
        self._stack = contextlib.ExitStack()
        self._found: dict[str, Any] = {}
        # The keys of a batch may run in threads.
        self._lock = threading.RLock()

    def get(self, key: Any) -> Any:
        """Return a resource.

        Raises:
            DagsterInvalidDefinitionError: The job does not have it.
        """
        with self._lock:
            if key not in self._found:
                self._found[key] = self._open(key)
            return self._found[key]

    def config_of(self, key: Any) -> Any:
        """Return the config of a resource."""
        definition = self._definition(key)
        given = (self._config.get(key) or {}).get("config", MISSING)
        return definition.config_of(given, f"resources.{key}.config")

    def required_by(self, key: Any) -> Resources:
        """Return the resources that a resource requires."""
        required = sorted(self._definition(key).required_resource_keys)
        return Resources({each: self.get(each) for each in required}, key)

    def close(self) -> None:
        """Tear all down, the last first."""
        self._stack.close()

    def _definition(self, key: str) -> Any:
        if key not in self._definitions:
            raise missing_resource(key)
        return self._definitions[key]

    def _open(self, key: str) -> Any:
        definition = self._definition(key)
        required = self.required_by(key)._asdict()
        return definition.open(self._stack, self._context(self.config_of(key), required))

    def _open_nested(self, definition: Any) -> Any:
        for key, each in self._definitions.items():
            # The config of a resource that is configured at launch is that of its key.
            if each is definition and not is_pythonic(type(definition)):
                return self.get(key)
        config = definition.config_of(MISSING, "a nested resource")
        return definition.open(self._stack, self._context(config, {}))

    def _context(self, config: Any, required: Mapping[str, Any]) -> InitResourceContext:
        return InitResourceContext(config, required, self.run, self._open_nested)


def missing_resource(key: str, path: str | None = None) -> DagsterInvalidDefinitionError:
    """Return the error for a resource that the job does not have.

    Args:
        key: The resource.
        path: The node that requires it.
    """
    return DagsterInvalidDefinitionError(
        f"requires the resource {key!r}, which is not given to the job",
        task_id=path,
        remedy=f"Pass it to the job: resource_defs={{{key!r}: ...}}, or Definitions(resources=...).",
    )


def opened_for_tests(given: Mapping[str, Any]) -> Opened:
    """Return the resources that a test passes: those of definitions are set up when they are needed."""
    return Opened({key: as_definition(each) for key, each in given.items()}, {})
