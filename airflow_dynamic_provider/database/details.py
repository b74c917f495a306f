"""Reads one task instance: its key, the producer of the key, its metadata, and related task instances."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from airflow_dynamic_provider.database.cells import Cells
from airflow_dynamic_provider.database.divisions import map_indexes_of
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.database.keys import KeyList, read_keys
from airflow_dynamic_provider.database.metadata import key_metadata, read_metadata
from airflow_dynamic_provider.database.origins import Origin, find_origins
from airflow_dynamic_provider.database.workflow_view import look_at_workflow
from airflow_dynamic_provider.errors import UnknownNameError
from airflow_dynamic_provider.execution.layout import StoredMetadata
from airflow_dynamic_provider.execution.spaces import NestedSpace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.definitions.metadata import MetadataValue
    from airflow_dynamic_provider.execution.spaces import KeyPath

Relation = Literal["upstream", "downstream", "same key", "producer"]


@dataclass(frozen=True)
class Details:
    """A task instance and everything that its page shows.

    Attributes:
        instance: The task instance.
        info: The key space that it is cloned for.
        key_path: Its key.
        is_stale: Whether it ran for a key other than the one at its position now.
        origins: The producers of its key; two for a joined key.
        inherited: The metadata that was produced with the key.
        metadata: The metadata that it attached itself.
        key_counts: Its dynamic output -> number of keys, if they are known.
        relatives: The other task instances of its key.
        node: The workflow and the name of the node that it runs.
    """

    instance: Instance
    info: SpaceInfo | None = None
    key_path: KeyPath | None = None
    is_stale: bool = False
    origins: tuple[Origin, ...] = ()
    inherited: Mapping[str, MetadataValue] = field(default_factory=dict)
    metadata: StoredMetadata = field(default_factory=StoredMetadata)
    key_counts: Mapping[str, int] = field(default_factory=dict)
    relatives: tuple[tuple[Relation, Instance], ...] = ()
    node: tuple[str, str] | None = None


def read_details(run: OpenRun, task_id: str, map_index: int) -> Details:
    """Return the details of a task instance.

    Raises:
        UnknownNameError: There is no such task instance.
    """
    source, at = run.source, (task_id, map_index)
    instance = read_instances(source, [task_id], [map_index]).get(at)
    if instance is None:
        raise UnknownNameError(f"there is no task instance {map_index} of the task {task_id!r} in this run")
    metadata = read_metadata(source, [task_id], [map_index]).get(at, StoredMetadata())
    details = Details(
        instance,
        metadata=metadata,
        key_counts=_key_counts(run, task_id, map_index),
        node=_node(run, task_id, map_index),
    )
    info = run.structure.space_of(task_id)
    if info is None or map_index < 0 or task_id in info.batched:
        # A batch has no key of its own.
        return details
    return _of_clone(run, details, info)


def _of_clone(run: OpenRun, details: Details, info: SpaceInfo) -> Details:
    keys = read_keys(run.source, info)
    position, task_id = details.instance.map_index, details.instance.task_id
    if position >= len(keys.paths or ()):
        return replace(details, info=info, is_stale=True)
    assert keys.paths is not None
    path = keys.paths[position]
    columns = list(dict.fromkeys([*info.task_ids, task_id]))
    cells = Cells(run.source, info, keys, columns).at([position])[position]
    own = cells[task_id]
    origins = tuple(find_origins(run, info, path))
    producers: list[tuple[Relation, Instance]] = [
        ("producer", found)
        for origin in origins
        for found in read_instances(run.source, [origin.task_id], [origin.map_index]).values()
    ]
    others = [
        (_relation(run, task_id, other), cell.instance)
        for other, cell in cells.items()
        if other != task_id and cell is not None and not cell.is_stale
    ]
    return replace(
        details,
        info=info,
        key_path=path,
        is_stale=own is not None and own.is_stale,
        origins=origins,
        inherited=key_metadata(run.source, info, path, position),
        relatives=(*producers, *others),
    )


def _relation(run: OpenRun, task_id: str, other: str) -> Relation:
    if run.structure.is_before(other, task_id):
        return "upstream"
    return "downstream" if run.structure.is_before(task_id, other) else "same key"


def _key_counts(run: OpenRun, task_id: str, map_index: int) -> dict[str, int]:
    counts = {}
    for info in run.structure.spaces.values():
        if info.producer_id != task_id or info.output is None:
            continue
        keys = read_keys(run.source, info)
        if keys.paths is not None:
            counts[info.output] = len(_own_keys(run, info, keys, map_index))
    return counts


def _own_keys(run: OpenRun, info: SpaceInfo, keys: KeyList, map_index: int) -> list[KeyPath]:
    paths = list(keys.paths or ())
    if not isinstance(info.space, NestedSpace):
        return paths
    around = run.structure.info_of(info.space.outer)
    outer = read_keys(run.source, around).paths or ()
    indexes = map_indexes_of(run.source, around, info.space.producer_id, range(len(outer)))
    own = {outer[position] for position, index in indexes.items() if index == map_index}
    return [path for path in paths if path[:-1] in own]


def _node(run: OpenRun, task_id: str, map_index: int) -> tuple[str, str] | None:
    for name, spec in run.structure.workflows.items():
        if task_id in spec.node_task_ids:
            found = look_at_workflow(run, name).name_of(task_id, map_index)
            return None if found is None else (name, found)
    return None
