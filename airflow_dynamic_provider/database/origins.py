"""Finds the task instances that produced a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.divisions import map_indexes_of
from airflow_dynamic_provider.database.keys import read_keys
from airflow_dynamic_provider.execution.spaces import LEFT, RIGHT, JoinedSpace, NestedSpace, ProducedSpace

if TYPE_CHECKING:
    from airflow_dynamic_provider.database.runs import OpenRun
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.spaces import KeyPath


@dataclass(frozen=True)
class Origin:
    """The task instance that produced a key, and the output that the key belongs to."""

    task_id: str
    map_index: int
    output: str
    description: str | None


def find_origins(run: OpenRun, info: SpaceInfo, path: KeyPath) -> list[Origin]:
    """Return the producer of the last key of a path; for a joined key, that of each side that has it."""
    space = info.space
    if isinstance(space, JoinedSpace):
        return [origin for link in (LEFT, RIGHT) for origin in _on_side(run, space, link, path)]
    assert isinstance(space, (ProducedSpace, NestedSpace))
    index: int | None = UNMAPPED
    if isinstance(space, NestedSpace):
        around = run.structure.info_of(space.outer)
        at = read_keys(run.source, around).positions.get(path[:-1])
        own = [] if at is None else [at]
        index = next(iter(map_indexes_of(run.source, around, space.producer_id, own).values()), None)
    return [] if index is None else [Origin(space.producer_id, index, space.output, info.description)]


def _on_side(run: OpenRun, space: JoinedSpace, link: int, path: KeyPath) -> list[Origin]:
    side, own = run.structure.info_of(space.links[link]), space.path_of_link(link, path)
    # In an outer zip, a key may be missing on one side.
    has_it = own in read_keys(run.source, side).positions
    return find_origins(run, side, own) if has_it else []
