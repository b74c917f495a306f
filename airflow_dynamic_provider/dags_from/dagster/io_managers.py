"""IO managers: what stores the outputs of ops and loads the inputs, in the processes of the tasks."""

from __future__ import annotations

import inspect
import pickle
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.config import Field
from airflow_dynamic_provider.dags_from.dagster.context import Resources, get_dagster_logger
from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvariantViolationError
from airflow_dynamic_provider.dags_from.dagster.resources import ResourceDefinition
from airflow_dynamic_provider.dags_from.dagster.types import DagsterType, as_dagster_type
from airflow_dynamic_provider.dags_from.dagster.unsupported import Refusing, refusing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from airflow.sdk import ObjectStoragePath


class IOManager(ABC):
    """The base of an IO manager."""

    @abstractmethod
    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """Store an output. Called in the task's process, as soon as the op has given the output."""

    @abstractmethod
    def load_input(self, context: InputContext) -> Any:
        """Load an input. Called in the process of the task that needs it."""


class _Context(ABC, Refusing):
    """What an IO manager can ask about an output and about an input."""

    _what = "the context of an IO manager"

    # Here, no output has a config or a version, or is an asset.
    config = None
    version = None
    has_asset_key = False
    resources: Resources = Resources({}, "an IO manager")

    @property
    @abstractmethod
    def declaration(self) -> Any:
        """The declaration, ``Out`` or ``In``."""

    @property
    def dagster_type(self) -> DagsterType:
        """The declared type, with its ``display_name`` and its ``typing_type``."""
        return as_dagster_type(self.declaration.dagster_type)

    @property
    def definition_metadata(self) -> dict[str, Any]:
        """The metadata of the declaration."""
        return {label: each.value for label, each in self.declaration.metadata.items()}

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata of the declaration, by its former name."""
        return self.definition_metadata


class OutputContext(_Context):
    """What an IO manager can ask about an output.

    Args:
        step_key: The node that gives it, with the mapping key that it runs for in brackets.
        name: The output.
        run_id: The run.
        mapping_key: Its mapping key, for a dynamic output.
        op_def: The op.
        job_name: The job.
        resource_config: The config of the IO manager.
        partition_key: The partition of the run.

    Attributes:
        resources: The resources that the IO manager requires.
        output_metadata: The metadata of the output, beside that of its declaration.
        log_event: Takes materializations, while the output is stored.
        tell: Takes metadata, while the output is stored.
    """

    def __init__(
        self,
        step_key: str,
        name: str,
        run_id: str,
        mapping_key: str | None,
        op_def: Any,
        job_name: str,
        resource_config: Any = None,
        partition_key: str | None = None,
    ) -> None:
        self.step_key = step_key
        self.name = name
        self.run_id = run_id
        self.mapping_key = mapping_key
        self.op_def = op_def
        self.job_name = job_name
        self.resource_config = resource_config
        self.has_partition_key = partition_key is not None
        self.partition_key = partition_key
        self.log = get_dagster_logger()
        self.output_metadata: Mapping[str, Any] = {}
        self.log_event: Callable[[Any], None] | None = None
        self.tell: Callable[[Mapping[str, Any]], None] | None = None

    @property
    def declaration(self) -> Any:
        """The declaration of the output."""
        return self.op_def.outs[self.name]

    def get_identifier(self) -> Sequence[str]:
        """Return what names the output among all: the run, the step, the output and its mapping key."""
        key = () if self.mapping_key is None else (self.mapping_key,)
        return [self.run_id, self.step_key, self.name, *key]

    def get_run_scoped_output_identifier(self) -> Sequence[str]:
        """Return the same."""
        return self.get_identifier()

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Attach metadata to the output."""
        if self.tell is not None:
            self.tell(metadata)


class InputContext(_Context):
    """What an IO manager can ask about an input.

    Args:
        name: The input.
        upstream_output: The output that it loads; ``None`` if no op is connected.
        op_def: The op that needs it.
        job_name: The job.

    Attributes:
        resource_config: The config of the IO manager.
        resources: The resources that it requires.
    """

    has_input_name = True

    def __init__(self, name: str, upstream_output: OutputContext | None, op_def: Any, job_name: str) -> None:
        self.name = name
        self.upstream_output = upstream_output
        self.op_def = op_def
        self.job_name = job_name
        self.resource_config: Any = None
        self.log = get_dagster_logger()

    @property
    def declaration(self) -> Any:
        """The declaration of the input."""
        return self.op_def.ins[self.name]

    def get_identifier(self) -> Sequence[str]:
        """Return what names the output that it loads.

        Raises:
            DagsterInvariantViolationError: No op is connected to the input.
        """
        if self.upstream_output is None:
            raise DagsterInvariantViolationError(
                f"the identifier of the input {self.name!r} was asked for, and no op is connected to it",
                remedy="Use the name of the input, or its metadata.",
            )
        return self.upstream_output.get_identifier()


@refusing(
    "io_manager",
    readers=("version",),
    output_config_schema="config_schema=, for all outputs",
    input_config_schema="config_schema=, for all inputs",
)
def io_manager(config_schema: Any = None, **settings: Any) -> Any:
    """Turn a function that returns an IO manager into a resource, as Dagster's ``@io_manager`` does.

    Args:
        config_schema: The schema of its config; or the function, when the decorator has no parentheses.
        settings: ``description``, ``required_resource_keys``.
    """
    if callable(config_schema) and not inspect.isclass(config_schema):
        return ResourceDefinition(config_schema)

    def decorate(function: Callable[..., Any]) -> ResourceDefinition:
        return ResourceDefinition(function, config_schema, **settings)

    return decorate


class _Files(IOManager):
    """Keeps each output as a pickle in a file. An author has to name it: nothing else here unpickles."""

    def __init__(self, folder: ObjectStoragePath) -> None:
        self._folder = folder

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        path = self._path(context)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:  # type: ignore[no-untyped-call, unused-ignore]
            pickle.dump(obj, file)

    def load_input(self, context: InputContext) -> Any:
        with self._path(context).open("rb") as file:  # type: ignore[no-untyped-call, unused-ignore]
            return pickle.load(file)

    def _path(self, context: OutputContext | InputContext) -> ObjectStoragePath:
        return self._folder.joinpath(*context.get_identifier())


def files_below(base_dir: str | None) -> IOManager:
    """Return an IO manager that keeps each output as a pickle in a file.

    Args:
        base_dir: The folder, or its URL, which all workers must reach. By default, a folder below
            ``[dynamic_outputs] files_path``.
    """
    # Imported here, because few programs keep files.
    from airflow.sdk import ObjectStoragePath

    from airflow_dynamic_provider.airflow_adapter.configuration import own_option

    given = base_dir or f"{own_option('files_path').rstrip('/')}/dagster"
    return _Files(ObjectStoragePath(given))


#: Keeps each output as a pickle in a file below ``base_dir``.
fs_io_manager = ResourceDefinition(
    lambda context: files_below(context.resource_config.get("base_dir")),
    {"base_dir": Field(str, is_required=False)},
)

#: Dagster keeps values in memory with it. Here they travel through XCom, because each op has its own process.
mem_io_manager = ResourceDefinition(lambda _context: None)
