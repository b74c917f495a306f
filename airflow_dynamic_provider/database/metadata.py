"""Reads the metadata of keys and of task instances.

The metadata of a key is stored with its value where it was produced, and with its path in the list of a
nested key space. The metadata of a task instance is a separate XCom, which names the key that a clone ran
for. Another key may be at the position of the clone by now.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dynamic_provider.airflow_adapter.xcom import loads_json_only
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.definitions.metadata import MetadataValue
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.errors import LayoutError, ReadError
from airflow_dynamic_provider.execution.layout import (
    ENTRIES_PER_PAGE,
    ITEM_FIELDS,
    ITEMS_FIELDS,
    METADATA_XCOM,
    StoredEntries,
    StoredEntry,
    StoredItem,
    StoredItems,
    StoredMetadata,
    StoredValues,
    described_xcom,
    entries_xcom,
    item_xcom,
)
from airflow_dynamic_provider.execution.pages import ITEMS, VALUES, Pages, part_of, position_of
from airflow_dynamic_provider.execution.spaces import LEFT, RIGHT, JoinedSpace, ProducedSpace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from airflow_dynamic_provider.database.cells import Cell
    from airflow_dynamic_provider.database.runs import RunSource
    from airflow_dynamic_provider.database.structure import SpaceInfo
    from airflow_dynamic_provider.execution.spaces import KeyPath, Space

#: Label -> value.
Labelled = Mapping[str, MetadataValue]

#: Shown instead of metadata that cannot be read. No constructor creates this kind.
UNREADABLE: Labelled = {
    "unreadable": MetadataValue("unreadable", "The stored metadata cannot be read. The log says why.")
}

#: The label for the run whose result a task instance uses.
FROM_RUN = "from run"

_UNREADABLE_INSTANCE = StoredMetadata(outputs={"result": UNREADABLE})
_UNREADABLE_ITEM = StoredItem((), None, UNREADABLE)
_UNREADABLE_ITEMS = StoredItems((), None)
_UNREADABLE_ENTRY = StoredEntry((), (None, None), None, UNREADABLE)
_UNREADABLE_PAGE = StoredEntries((_UNREADABLE_ENTRY,) * ENTRIES_PER_PAGE, 1)

_Page = StoredItems | StoredValues

Place = TypeVar("Place")
Read = TypeVar("Read")

log = logging.getLogger(__name__)


def read_metadata(
    source: RunSource, task_ids: Collection[str], map_indexes: Collection[int] | None = None
) -> dict[tuple[str, int], StoredMetadata]:
    """Return (task, map index) -> metadata of the task instance, for those that attached any.

    `UNREADABLE` replaces stored metadata that cannot be read, because a task may push an XCom of that name
    itself. A clone may have run for a key that is no longer at its position: compare ``key_path``, or use
    `metadata_of_cells`.

    Args:
        source: The run.
        task_ids: The tasks.
        map_indexes: The map indexes; ``None`` for all.
    """
    return read_stored_metadata(source.pull_some(task_ids, METADATA_XCOM, map_indexes, keep_errors=True))


def read_stored_metadata(stored: Mapping[Place, Any]) -> dict[Place, StoredMetadata]:
    """Return place -> metadata of a task instance, or of a key in a batch, as they stored it."""
    return _read_each(stored, _unpack_instance, _UNREADABLE_INSTANCE)


def _unpack_instance(stored: Any) -> StoredMetadata:
    """Read the metadata of a task instance. The run whose result it uses is a label of its first output."""
    found = StoredMetadata.unpack(stored)
    if (made_by := found.made_by) is None:
        return found
    name = next(iter(found.outputs), DEFAULT_OUTPUT)
    origin = {FROM_RUN: MetadataValue.dag_run(made_by.dag_id, made_by.run_id)}
    return replace(found, outputs={**found.outputs, name: {**origin, **found.outputs.get(name, {})}})


def _read_each(
    stored: Mapping[Place, Any], unpack: Callable[[Any], Read], unreadable: Read
) -> dict[Place, Read]:
    """Read each document separately, so that an unreadable one does not affect the others."""
    found, errors = {}, []
    for at, each in stored.items():
        try:
            if isinstance(each, ReadError):
                raise each
            found[at] = unpack(each)
        except (LayoutError, ReadError) as error:
            found[at] = unreadable
            errors.append((at, error))
    if errors:
        # One line for all errors, because there may be many.
        log.warning("Cannot read metadata in %d places, the first %r: %s", len(errors), *errors[0])
    return found


def metadata_of_cells(
    source: RunSource,
    paths: Mapping[int, KeyPath],
    cells: Mapping[int, Mapping[str, Cell | None]],
) -> dict[tuple[str, int], StoredMetadata]:
    """Return (task, position) -> metadata of clones that ran for the keys at their positions now.

    Args:
        source: The run.
        paths: Position -> key path.
        cells: Position -> task -> cell.
    """
    task_ids = {task_id for by_task in cells.values() for task_id in by_task}
    in_batches = {
        (task_id, position): cell.record.metadata
        for position, by_task in cells.items()
        for task_id, cell in by_task.items()
        if cell is not None and cell.record is not None and cell.record.metadata
    }
    single_ids = task_ids - {task_id for task_id, _ in in_batches}
    return read_stored_metadata(in_batches) | {
        (task_id, position): metadata
        for (task_id, position), metadata in read_metadata(source, single_ids, list(cells)).items()
        if (cell := cells[position].get(task_id)) is not None
        if not cell.is_stale
        if metadata is _UNREADABLE_INSTANCE or metadata.key_path == paths[position]
    }


def key_metadata(source: RunSource, info: SpaceInfo, key_path: KeyPath, position: int) -> Labelled:
    """Return the metadata that was produced with a key; from both sides if two outputs are joined.

    It is empty if another key is stored at the position by now, and `UNREADABLE` if it cannot be read.
    """
    return keys_metadata(source, info, {position: key_path})[position]


def keys_metadata(source: RunSource, info: SpaceInfo, paths: Mapping[int, KeyPath]) -> dict[int, Labelled]:
    """Return position -> the metadata that was produced with the key. One query reads up to 400 keys.

    Args:
        source: The run.
        info: The key space.
        paths: Position -> key path.
    """
    return _of_space(source, info.space, paths)


def _of_space(source: RunSource, space: Space, paths: Mapping[int, KeyPath]) -> dict[int, Labelled]:
    if isinstance(space, ProducedSpace):
        return _of_items(source, space, paths)
    entries = _read_entries(source, space, paths)
    if not isinstance(space, JoinedSpace):
        return {at: entries[at].metadata if at in entries else {} for at in paths}
    sides = [_of_side(source, space, side, paths, entries) for side in (LEFT, RIGHT)]
    sides.append({at: UNREADABLE for at, entry in entries.items() if entry is _UNREADABLE_ENTRY})
    return {at: {label: value for side in sides for label, value in side.get(at, {}).items()} for at in paths}


def _of_items(source: RunSource, space: ProducedSpace, paths: Mapping[int, KeyPath]) -> dict[int, Labelled]:
    items: dict[int, StoredItem] = {}
    # An output that only batches read has no small pages.
    for pages in (ITEMS, VALUES):
        if missing := [at for at in paths if at not in items]:
            items |= _items_of_pages(source, space, missing, pages)
    if missing := [at for at in paths if at not in items]:
        # An earlier release stored each output by itself.
        names = {item_xcom(space.output, at): at for at in missing}
        # The values may be large, and their classes may load only in the author's tasks.
        stored = source.pull_names(space.producer_id, names, fields=ITEM_FIELDS, keep_errors=True)
        read = _read_each(_without(stored, "value"), StoredItem.unpack, _UNREADABLE_ITEM)
        items |= {names[name]: item for name, item in read.items()}
    return {at: _metadata_of(items.get(at), path) for at, path in paths.items()}


def _items_of_pages(
    source: RunSource, space: ProducedSpace, positions: Collection[int], pages: Pages
) -> dict[int, StoredItem]:
    """Return position -> dynamic output, without its value. Positions without one are left out."""
    at = {position: position_of(position, pages.length) for position in positions}
    read = _read_parts(source, space, {(page, 0) for page, _ in at.values()}, pages)
    parts = {
        position: (page, *part_of(read[page, 0].starts, offset))
        for position, (page, offset) in at.items()
        if (page, 0) in read
    }
    read |= _read_parts(source, space, {(page, part) for page, part, _ in parts.values() if part}, pages)
    stored = {
        position: (read.get((page, part), _UNREADABLE_ITEMS), offset)
        for position, (page, part, offset) in parts.items()
    }
    unreadable: StoredItem | None = _UNREADABLE_ITEM
    items = _read_each(stored, _item_of, unreadable)
    return {position: item for position, item in items.items() if item is not None}


def _item_of(at: tuple[_Page, int]) -> StoredItem | None:
    page, offset = at
    return _UNREADABLE_ITEM if page is _UNREADABLE_ITEMS else page.item(offset)


def _read_parts(
    source: RunSource, space: ProducedSpace, parts: Collection[tuple[int, int]], pages: Pages
) -> dict[tuple[int, int], _Page]:
    """Return (page, part) -> its dynamic outputs, without their values.

    A page that was stored without values has one part.
    """
    names = {pages.xcom_key(space.output, *part): part for part in parts}
    found: dict[tuple[int, int], _Page] = {}
    if not loads_json_only():
        # The values may be in objects, which may be large.
        described = {described_xcom(name): part for name, part in names.items() if not part[1]}
        found |= _read_pages(source, space, described, ITEMS)
    missing = {name: part for name, part in names.items() if part not in found}
    return found | _read_pages(source, space, missing, pages)


def _read_pages(
    source: RunSource, space: ProducedSpace, names: Mapping[str, tuple[int, int]], pages: Pages
) -> dict[tuple[int, int], _Page]:
    stored = source.pull_names(space.producer_id, names, fields=ITEMS_FIELDS, keep_errors=True)
    unpack: Callable[[Any], _Page] = _unpack_values if pages is VALUES else pages.unpack
    unreadable: _Page = _UNREADABLE_ITEMS
    read = _read_each(_without(stored, "values"), unpack, unreadable)
    return {names[name]: items for name, items in read.items()}


def _unpack_values(stored: Any) -> StoredValues:
    keys = stored.get("keys") if isinstance(stored, Mapping) else None
    count = len(keys) if isinstance(keys, list) else 0
    return StoredValues.unpack(
        {**stored, "values": [None] * count} if isinstance(stored, Mapping) else stored
    )


def _without(stored: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return documents without the content of a field."""
    return {
        name: {**each, field: None} if isinstance(each, Mapping) else each for name, each in stored.items()
    }


def _metadata_of(item: StoredItem | None, path: KeyPath) -> Labelled:
    is_of_key = item is not None and (item is _UNREADABLE_ITEM or item.key_path == path)
    return item.metadata if item is not None and is_of_key else {}


def _read_entries(source: RunSource, space: Space, paths: Mapping[int, KeyPath]) -> dict[int, StoredEntry]:
    """Return position -> its entry in the list of keys, for keys that are still there."""
    names = {entries_xcom(position // ENTRIES_PER_PAGE) for position in paths}
    stored = source.pull_names(space.keys_task_id, names, keep_errors=True)
    pages = _read_each(stored, StoredEntries.unpack, _UNREADABLE_PAGE)
    found = {}
    for position, path in paths.items():
        number, offset = divmod(position, ENTRIES_PER_PAGE)
        page = pages[name].entries if (name := entries_xcom(number)) in pages else ()
        entry = page[offset] if offset < len(page) else None
        if entry is not None and (entry is _UNREADABLE_ENTRY or entry.key_path == path):
            found[position] = entry
    return found


def _of_side(
    source: RunSource,
    space: JoinedSpace,
    side: int,
    paths: Mapping[int, KeyPath],
    entries: Mapping[int, StoredEntry],
) -> dict[int, Labelled]:
    """Return position -> the metadata of its key on one side of a join."""
    places = {at: link for at, entry in entries.items() if (link := entry.links[side]) is not None}
    wanted = {place: space.path_of_link(side, paths[at]) for at, place in places.items()}
    found = _of_space(source, space.links[side], wanted)
    return {at: found[place] for at, place in places.items()}
