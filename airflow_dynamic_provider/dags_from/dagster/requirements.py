"""The resources that the nodes of a job need. A later ``Definitions`` may give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.dags_from.dagster.errors import UnsupportedError
from airflow_dynamic_provider.dags_from.dagster.handles import FanIn, GraphInput
from airflow_dynamic_provider.dags_from.dagster.resources import missing_resource
from airflow_dynamic_provider.dags_from.dagster.types import Nothing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.dags_from.dagster.nodes import Job, Node

#: The IO manager of outputs that name none. A job may have it.
DEFAULT_MANAGER = "io_manager"


def check_requirements(job: Job) -> None:
    """Refuse a job that lacks a resource which one of its nodes needs.

    Raises:
        DagsterInvalidDefinitionError: It lacks a resource.
        UnsupportedError: An input names an IO manager, and the output that it takes has none.
    """
    for path, node in job.composition.nodes.items():
        if lacking := sorted(set(_needed(node)) - job.resource_defs.keys()):
            raise missing_resource(lacking[0], path)
        for name, value in node.inputs.items():
            _check_input_manager(job, node, name, value)
    for key, definition in job.resource_defs.items():
        if lacking := sorted(definition.required_resource_keys - job.resource_defs.keys()):
            raise missing_resource(lacking[0], f"resources.{key}")


def manager_of(job: Job, node: Node, output: str) -> str | None:
    """Return the key of the IO manager of an output, ``None`` if its values travel through XCom."""
    from airflow_dynamic_provider.dags_from.dagster.io_managers import mem_io_manager

    out = node.definition.outs[output]
    key: str = out.io_manager_key
    is_left_out = key == DEFAULT_MANAGER and key not in job.resource_defs
    if out.dagster_type is Nothing or is_left_out or job.resource_defs.get(key) is mem_io_manager:
        return None
    return key


def _needed(node: Node) -> Iterator[str]:
    yield from node.definition.required_resource_keys
    for hook in node.settings.hooks:
        yield from hook.required_resource_keys
    for out in node.definition.outs.values():
        if out.io_manager_key != DEFAULT_MANAGER and out.dagster_type is not Nothing:
            yield out.io_manager_key
    for declared in node.definition.ins.values():
        if declared.input_manager_key:
            yield declared.input_manager_key


def _check_input_manager(job: Job, node: Node, name: str, value: Any) -> None:
    if not node.definition.ins[name].input_manager_key or isinstance(value, GraphInput):
        return
    for each in value if isinstance(value, list) else [value.source if isinstance(value, FanIn) else value]:
        if manager_of(job, each.node, each.output) is None:
            raise UnsupportedError(
                f"In(input_manager_key=) of the input {name!r} has no counterpart for {each}, which no IO "
                "manager stores",
                task_id=node.path,
                remedy="Give the output an io_manager_key=, or the job an 'io_manager'.",
            )
