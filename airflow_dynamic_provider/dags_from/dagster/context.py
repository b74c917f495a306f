"""The context that an op, a hook or a resource gets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvariantViolationError
from airflow_dynamic_provider.dags_from.dagster.metadata import metadata_of
from airflow_dynamic_provider.dags_from.dagster.unsupported import Refusing
from airflow_dynamic_provider.definitions.records import Record, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from airflow_dynamic_provider.dags_from.dagster.events import AssetMaterialization


def get_dagster_logger(name: str | None = None) -> logging.Logger:
    """Return a logger whose lines are in the log of the task.

    Args:
        name: Its name; ``dagster`` by default.
    """
    return logging.getLogger(name or "dagster")


class Resources:
    """The resources of an op, as attributes.

    Args:
        found: Key -> resource.
        path: The node, for messages.
    """

    def __init__(self, found: Mapping[str, Any], path: str) -> None:
        self._found = dict(found)
        self._path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._found:
            if name.startswith("__"):
                raise AttributeError(name)
            raise DagsterInvariantViolationError(
                f"asked for the resource {name!r}, which it does not require",
                task_id=self._path,
                remedy=f"Declare it: @op(required_resource_keys={{{name!r}}}).",
            )
        return self._found[name]

    def _asdict(self) -> dict[str, Any]:
        return dict(self._found)


class Run(Record):
    """A run, as ops, hooks and resources see it.

    Attributes:
        run_id: Its id.
        job_name: Its job.
        tags: The tags of the job, and those of the run.
        run_config: Its whole config.
    """

    run_id: str
    job_name: str = "job"
    tags: Mapping[str, Any] = field(default_factory=dict)
    run_config: Mapping[str, Any] = field(default_factory=dict)


class InvokedOp(Record):
    """A call of an op in a job.

    Attributes:
        name: The name of the node: the op's, or its alias.
        definition: The op.
    """

    name: str
    definition: Any

    @property
    def tags(self) -> Mapping[str, Any]:
        """The tags of the op."""
        return dict(self.definition.tags)


class OpExecutionContext(Refusing):
    """What an op can ask about its run.

    Args:
        op_def: The op.
        path: The name of its node.
        run: Its run.
        op_config: Its config.
        resources: Its resources.
        mapping_key: The mapping key that it runs for.
        retry_number: How often it ran before.
        partition_key: The partition of the run.
        partitions_def: The partitions of the job.
        tell: Takes metadata and materializations; ``None`` outside of a run.
    """

    _what = "context"
    _instead: ClassVar[Mapping[str, str]] = {
        "instance": "Airflow's connections, variables and REST API",
        "pdb": "breakpoint() under execute_in_process()",
        "asset_key": "AssetMaterialization with the key",
        "job_def": "context.job_name, context.run_tags and context.run_config",
        "asset_partition_key": "context.partition_key",
        "repository_def": "the Dag file",
        "get_step_execution_context": "airflow.sdk.get_current_context()",
    }

    def __init__(
        self,
        op_def: Any,
        path: str,
        run: Run,
        *,
        op_config: Any = None,
        resources: Mapping[str, Any] | None = None,
        mapping_key: str | None = None,
        retry_number: int = 0,
        partition_key: str | None = None,
        partitions_def: Any = None,
        tell: Callable[..., None] | None = None,
    ) -> None:
        self.op_def = op_def
        self.op_config = op_config
        self.resources = Resources(resources or {}, path)
        self.run = self.dagster_run = run
        self.job_name = run.job_name
        self.run_id = run.run_id
        self.run_config = dict(run.run_config)
        self.run_tags = dict(run.tags)
        self.retry_number = retry_number
        self.log = get_dagster_logger()
        self._path = path
        self._mapping_key = mapping_key
        self._partition_key = partition_key
        self._partitions_def = partitions_def
        self._tell = tell
        self._yielded: set[tuple[str, str | None]] = set()
        self.metadata: dict[tuple[str, str | None], dict[str, Any]] = {}
        # Tears down the resources of a test.
        self.close: Callable[[], None] = lambda: None
        self.events: list[Any] = []

    @property
    def op_handle(self) -> str:
        """The name of the node."""
        return self._path

    @property
    def op(self) -> InvokedOp:
        """The call of the op."""
        return InvokedOp(self._path.rpartition(".")[2], self.op_def)

    @property
    def step_key(self) -> str:
        """The name of the node, with its mapping key in brackets."""
        return self._path if self._mapping_key is None else f"{self._path}[{self._mapping_key}]"

    @property
    def solid_config(self) -> Any:
        """The config, by its former name."""
        return self.op_config

    @property
    def has_partition_key(self) -> bool:
        """Whether the run is of one partition."""
        return self._partition_key is not None

    @property
    def partition_key(self) -> str:
        """The partition of the run.

        Raises:
            DagsterInvariantViolationError: The run has none.
        """
        if self._partition_key is None:
            raise DagsterInvariantViolationError(
                "asked for the partition of a run that has none",
                task_id=self._path,
                remedy="Pass it: the Dag param partition_key, or execute_in_process(partition_key=...).",
            )
        return self._partition_key

    @property
    def partition_time_window(self) -> Any:
        """The ``start`` and the ``end`` of the partition of the run, which is a day.

        Raises:
            DagsterInvariantViolationError: The run has no partition, or it is no day.
        """
        if not hasattr(self._partitions_def, "time_window_for_partition_key"):
            raise self._invariant(
                "asked for the time of a partition, and the partitions of the job are no days",
                "Pass partitions_def=DailyPartitionsDefinition(...) to the job.",
            )
        return self._partitions_def.time_window_for_partition_key(self.partition_key)

    def __enter__(self) -> OpExecutionContext:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def get_mapping_key(self) -> str | None:
        """Return the mapping key that the op runs for; ``None`` if it runs once."""
        return self._mapping_key

    def get_tag(self, key: str) -> str | None:
        """Return a tag of the job or the run."""
        return self.run_tags.get(key)

    def has_tag(self, key: str) -> bool:
        """Return whether the job or the run has a tag."""
        return key in self.run_tags

    def add_output_metadata(
        self, metadata: Mapping[str, Any], output_name: str | None = None, mapping_key: str | None = None
    ) -> None:
        """Attach metadata to an output that is still to be given.

        Args:
            metadata: Label -> value.
            output_name: The output; may be left out if there is one.
            mapping_key: The key, for a dynamic output.

        Raises:
            DagsterInvariantViolationError: There is no such output, the key is missing, or the output was
                given already.
        """
        outs = {} if self.op_def is None else self.op_def.outs
        if output_name is None and len(outs) > 1:
            raise self._invariant(
                "added metadata without output_name=, and has several outputs", "Pass output_name=."
            )
        name = output_name or next(iter(outs), "result")
        if name not in outs:
            raise self._invariant(
                f"added metadata for {name!r}, which it does not declare", "Correct output_name=."
            )
        if outs[name].is_dynamic and mapping_key is None:
            raise self._invariant(
                f"added metadata for the dynamic output {name!r} without a mapping key", "Pass mapping_key=."
            )
        if (name, mapping_key) in self._yielded:
            raise self._invariant(
                f"added metadata for an output {name!r} that it has given already",
                "Add the metadata before the output is yielded.",
            )
        self.metadata.setdefault((name, mapping_key), {}).update(metadata_of(metadata))

    def describe_op(self) -> str:
        """Return what it is, for messages."""
        return f'op "{self._path}"'

    def log_event(self, event: AssetMaterialization) -> None:
        """Record a materialization, as if it were yielded."""
        self.events.append(event)
        if self._tell is not None:
            self._tell(event)

    def get_events(self) -> list[Any]:
        """Return the materializations that were recorded."""
        return list(self.events)

    def get_output_metadata(self, output_name: str, mapping_key: str | None = None) -> dict[str, Any] | None:
        """Return the metadata that was added to an output."""
        return self.metadata.get((output_name, mapping_key))

    def given(self, output_name: str, mapping_key: str | None) -> dict[str, Any]:
        """Note that an output was given, and return the metadata that was added to it before."""
        self._yielded.add((output_name, mapping_key))
        return self.metadata.get((output_name, mapping_key), {})

    def check_metadata(self) -> None:
        """Refuse metadata that was added to an output that was not given.

        Raises:
            DagsterInvariantViolationError: There is such metadata.
        """
        for name, key in self.metadata.keys() - self._yielded:
            if key is None and not self.op_def.outs[name].is_required:
                continue
            named = "" if key is None else f" with the mapping key {key!r}"
            raise self._invariant(
                f"added metadata to an output {name!r}{named}, and did not give it",
                "Give the output, or correct its name and key.",
            )

    def _invariant(self, problem: str, remedy: str) -> DagsterInvariantViolationError:
        return DagsterInvariantViolationError(problem, task_id=self._path, remedy=remedy)
