"""What the task of a node knows: its op, and the parts of the job that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.declarations import MISSING
from airflow_dynamic_provider.dags_from.dagster.errors import UnsupportedError
from airflow_dynamic_provider.definitions.records import Record, field

if TYPE_CHECKING:
    from collections.abc import Mapping


class Source(Record, eq=False):
    """An output whose value an input gets.

    Attributes:
        path: The node.
        output: Its output.
        definition: The op.
        manager: The key of the IO manager that stored it; ``None`` if it travels through XCom.
    """

    path: str
    output: str
    definition: Any
    manager: str | None = None


class Origin(Record, eq=False):
    """Where the value of an input comes from.

    Attributes:
        sources: The outputs: one, or those of a list.
        is_list: Whether it is a list of values.
    """

    sources: tuple[Source, ...]
    is_list: bool = False


class FromConfig(Record, eq=False):
    """An input whose value the run's config may give, as the input of a graph.

    Attributes:
        graph: The path of the graph.
        name: Its input.
    """

    graph: str
    name: str


class NodePlan(Record, eq=False):
    """A node, as its task needs it.

    Attributes:
        definition: The op.
        path: The name of the node.
        job: The name of the job.
        resources: Resource key -> definition, of the whole job.
        origins: Input -> where its value comes from, for those that are connected.
        from_config: Input -> the graph's input that it is connected to.
        managers: Output -> the key of its IO manager, for those that have one.
        hooks: The hooks.
        retries: The number of retries that the task has.
        policy_retries: The number of retries after any error, of its retry policy.
        tags: The tags of the job.
        partitions_def: The partitions of the job.
        config_mapping: What makes the config of the ops from the fields that a run gives.
        requests: The functions of the job's schedule.
    """

    definition: Any
    path: str
    job: str
    resources: Mapping[str, Any]
    origins: Mapping[str, Any] = field(default_factory=dict)
    from_config: Mapping[str, FromConfig] = field(default_factory=dict)
    managers: Mapping[str, str] = field(default_factory=dict)
    hooks: frozenset[Any] = frozenset()
    retries: int = 0
    policy_retries: int = 0
    tags: Mapping[str, Any] = field(default_factory=dict)
    partitions_def: Any = None
    config_mapping: Any = None
    requests: Any = None


def section(run_config: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    """Return the part of a run's config that is about a node or a graph; ``{}`` if there is none."""
    found: Any = run_config
    for name in path.split(".") if path else ():
        found = (found or {}).get("ops") or {}
        found = found.get(name) or {}
    return found or {}


def input_from(run_config: Mapping[str, Any], path: str, name: str) -> Any:
    """Return the value that a run's config gives an input, `MISSING` if it gives none."""
    inputs = section(run_config, path).get("inputs") or {}
    if name not in inputs:
        return MISSING
    given = inputs[name]
    kinds = set(given) if isinstance(given, dict) else set()
    if len(kinds) == 1 and kinds <= {"json", "pickle"} and "path" in (given[next(iter(kinds))] or ()):
        raise UnsupportedError(
            f"the input {name!r} names a file, which has no counterpart here",
            remedy="Give the value itself, or the path to an op that reads it.",
        )
    return given["value"] if kinds == {"value"} else given
