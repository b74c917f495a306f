"""The recorded graph of a job: its nodes, what they depend on, and what the job says about them.

These are plain values, made by `composition` and `jobs`, from which the Dag is built.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Settings(Record, eq=False):
    """The settings of one call of an op or a graph.

    Attributes:
        alias: The name of the node; by default, that of the definition with a number if it is taken.
        tags: More tags.
        hooks: The hooks, of a graph for all of its ops.
        retry_policy: The retry policy.
    """

    alias: str | None = None
    tags: Mapping[str, Any] = field(default_factory=dict)
    hooks: frozenset[Any] = frozenset()
    retry_policy: Any = None

    def inside(self, outer: Settings) -> Settings:
        """Return the settings of a call inside a graph that was called with other settings."""
        return Settings(
            self.alias,
            {**outer.tags, **self.tags},
            self.hooks | outer.hooks,
            self.retry_policy or outer.retry_policy,
        )


class Node(Record, eq=False):
    """A call of an op.

    Attributes:
        definition: The op.
        path: Its name, after those of the graphs around it: ``graph.op``. It is the id of its task.
        inputs: Input -> handle, fan-in, or list of handles.
        settings: The settings of the call, with those of the graphs around it.
        mapped_over: The dynamic output whose keys it runs for; ``None`` if it runs once.
        batch: The maximum number of keys in one task instance, or a ``Batch``.
    """

    definition: Any
    path: str
    inputs: Mapping[str, Any]
    settings: Settings
    mapped_over: Any = None
    batch: Any = None


class Composition(Record, frozen=False, eq=False):
    """What the body of a job recorded.

    Attributes:
        nodes: Path -> node, in the order of the calls.
        graphs: Path of a graph, ``""`` for the job -> output name -> handle.
        inputs: Path of a graph -> the inputs whose values come from the run's config.
    """

    nodes: dict[str, Node] = field(default_factory=dict)
    graphs: dict[str, dict[str, Any]] = field(default_factory=dict)
    inputs: dict[str, set[str]] = field(default_factory=dict)


class Job(Record, frozen=False, eq=False):
    """What a job declares, and the graph that its body recorded.

    Attributes:
        function: Its body.
        name: Its name, and the id of the Dag.
        composition: The recorded graph.
        description: What it does.
        resource_defs: Resource key -> definition.
        config: The default config of its runs.
        tags: Tags of its runs.
        hooks: The hooks of all its ops.
        op_retry_policy: The retry policy of ops without one.
        partitions_def: The partitions of its runs.
        input_values: Input -> value, for the inputs of the body.
        executor_def: The limit of its tasks that are active at once.
        schedule: When the Dag runs by itself.
        config_mapping: What makes the config of the ops from the fields that a run gives.
        requests: The functions of its schedule.
        outlets: Node -> the assets that its task writes.
        dag: Its Dag.
    """

    function: Callable[..., Any]
    name: str
    composition: Composition
    description: str | None = None
    resource_defs: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, Any] = field(default_factory=dict)
    hooks: frozenset[Any] = frozenset()
    op_retry_policy: Any = None
    partitions_def: Any = None
    input_values: Mapping[str, Any] = field(default_factory=dict)
    executor_def: Any = None
    schedule: Any = None
    config_mapping: Any = None
    requests: Any = None
    outlets: Mapping[str, Any] = field(default_factory=dict)
    dag: Any = None
