"""Which batch has which key: what the tasks that divide keys into batches have stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED
from airflow_dynamic_provider.database.instances import Instance, read_instances
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.execution.batch_records.stored import (
    POSITIONS_PER_PAGE,
    StoredPlaces,
    places_xcom,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.database.structure import SpaceInfo


def read_cuts(source: RunSource, listers: Collection[str]) -> dict[str, Instance]:
    """Return the tasks that divide keys, as task instances. One query."""
    found = read_instances(source, listers, [UNMAPPED])
    return {lister: found.get((lister, UNMAPPED), Instance(lister, UNMAPPED)) for lister in listers}


def numbers_of(source: RunSource, cut: Instance, positions: Collection[int]) -> dict[int, int]:
    """Return position -> number of the batch that has it. It is empty until the keys are divided.

    One query for each 400,000 positions.

    Raises:
        LayoutError: Another release has stored the data.
        ReadError: The data cannot be loaded.
    """
    if cut.state != SUCCESS:
        return {}
    names = {places_xcom(page): page for page in {0, *(at // POSITIONS_PER_PAGE for at in positions)}}
    stored = source.pull_names(cut.task_id, names)
    pages = {names[name]: StoredPlaces.unpack(each) for name, each in stored.items()}
    first = pages.get(0)
    regular = first if first is not None and first.size is not None else None
    found = {}
    for at in positions:
        page = regular or pages.get(at // POSITIONS_PER_PAGE)
        if page is not None and (number := page.batch_of(at)) is not None:
            found[at] = number
    return found


def map_indexes_of(
    source: RunSource, info: SpaceInfo, task_id: str, positions: Collection[int]
) -> dict[int, int]:
    """Return position of a key -> map index of the task instance that runs it.

    Two queries for a batched task.

    Args:
        source: The run.
        info: The key space.
        task_id: A task that is cloned for its keys.
        positions: The positions of keys.
    """
    batches = info.batched.get(task_id)
    if batches is None:
        return {position: position for position in positions}
    (cut,) = read_cuts(source, [batches.lister_id]).values()
    return numbers_of(source, cut, positions)
