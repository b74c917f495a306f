"""Reads the pages of stored dynamic outputs: one output by its position, or many values in order."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.execution import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping, Sequence


T = TypeVar("T")


class Pages(Record):
    """A way to divide the outputs of a task into pages.

    Attributes:
        length: The number of outputs in a page.
        xcom_key: Returns the XCom key of a part of a page.
        unpack: Reads the stored form of a part.
    """

    length: int
    xcom_key: Callable[[str, int, int], str]
    unpack: Callable[[Any], Any]


#: The pages for tasks that read the output of one key.
ITEMS = Pages(layout.ITEMS_PER_PAGE, layout.items_xcom, layout.StoredItems.unpack)

#: The pages for tasks that read the outputs of many keys: collectors and batches.
VALUES = Pages(layout.VALUES_PER_PAGE, layout.values_xcom, layout.StoredValues.unpack)

# The key of the documents that are kept, in the context of a task instance that runs many keys.
_KNOWN_KEY = "dynamic_pages"


def keep_pages(context: MutableMapping[str, Any]) -> None:
    """Have the documents that this task instance reads kept. A batch reads each of them once for its keys."""
    context.setdefault(_KNOWN_KEY, {})


def keeps_pages(context: Mapping[str, Any]) -> bool:
    """Return whether this task instance runs many keys, which need the same documents."""
    return _KNOWN_KEY in context


def kept_by(context: MutableMapping[str, Any]) -> MutableMapping[Any, Any]:
    """Return what keeps things for a whole task instance: its context, or what the keys of a batch share."""
    kept: MutableMapping[Any, Any] | None = context.get(_KNOWN_KEY)
    return context if kept is None else kept


def read_document(
    context: Mapping[str, Any],
    task_id: str,
    xcom_key: str,
    unpack: Callable[[Any], T],
    map_index: int = xcom.UNMAPPED,
) -> T | None:
    """Return a stored document, ``None`` if there is none. One API call, unless it is kept.

    Args:
        context: Airflow's task context.
        task_id: The task that stored it.
        xcom_key: Its XCom key.
        unpack: Reads the stored form.
        map_index: The map index of the task instance that stored it.
    """
    known: dict[Any, T | None] | None = context.get(_KNOWN_KEY)
    place = (task_id, xcom_key, map_index)
    if known is not None and place in known:
        return known[place]
    stored = xcom.pull(context, task_id, xcom_key, map_index)
    document = None if stored is None else unpack(stored)
    if known is not None:
        known[place] = document
    return document


def read_item(
    context: Mapping[str, Any], task_id: str, output: str, position: int, map_index: int = xcom.UNMAPPED
) -> layout.StoredItem | None:
    """Return a dynamic output by its position, ``None`` if there is none.

    One API call, two if the values around it are large. It makes more for what an earlier release stored, and
    for the output of a task whose keys all run in batches, which has only large pages.
    """
    for pages in (ITEMS, VALUES):
        item: layout.StoredItem | None = _read_from(pages, context, task_id, output, position, map_index)
        if item is not None:
            return item
    earlier = xcom.pull(context, task_id, layout.item_xcom(output, position), map_index)
    return None if earlier is None else layout.StoredItem.unpack(earlier)


def read_range(
    context: Mapping[str, Any], task_id: str, output: str, start: int, stop: int
) -> list[layout.StoredItem] | None:
    """Return the dynamic outputs at the positions from ``start`` to before ``stop``, in order.

    One API call for each thousand of them, and one more for each MiB of values. It is ``None`` if the output
    is not stored in this way, or an earlier release stored it.
    """
    found = []
    for position in range(start, stop):
        item = _read_from(VALUES, context, task_id, output, position)
        if item is None:
            return None
        found.append(item)
    return found


def _read_from(
    pages: Pages,
    context: Mapping[str, Any],
    task_id: str,
    output: str,
    position: int,
    map_index: int = xcom.UNMAPPED,
) -> Any:
    page, offset = position_of(position, pages.length)
    stored = read_document(context, task_id, pages.xcom_key(output, page, 0), pages.unpack, map_index)
    if stored is None:
        return None
    part, offset = part_of(stored.starts, offset)
    if part:
        xcom_key = pages.xcom_key(output, page, part)
        stored = read_document(context, task_id, xcom_key, pages.unpack, map_index)
    return None if stored is None else stored.item(offset)


def read_values(
    context: Mapping[str, Any], task_id: str, output: str, page: int, map_index: int = xcom.UNMAPPED
) -> layout.StoredValues | None:
    """Return a page of the values of a collected output, ``None`` if there is none.

    One API call, and one more for each MiB of values.
    """
    stored = xcom.pull(context, task_id, layout.values_xcom(output, page), map_index)
    if stored is None:
        return None
    return with_other_parts(context, task_id, output, page, layout.StoredValues.unpack(stored), map_index)


def with_other_parts(
    context: Mapping[str, Any],
    task_id: str,
    output: str,
    page: int,
    first: layout.StoredValues,
    map_index: int = xcom.UNMAPPED,
) -> layout.StoredValues:
    """Return a page of values, of which the first part was read. One API call for each other part."""
    values, keys = list(first.values), list(first.keys or ())
    for part in range(1, len(first.starts) + 1):
        stored = xcom.pull(context, task_id, layout.values_xcom(output, page, part), map_index)
        if stored is None:
            # Whoever compares it with the keys says what is missing.
            break
        more = layout.StoredValues.unpack(stored)
        values += more.values
        keys += more.keys or ()
    return layout.StoredValues(
        values, first.key_path, first.map_index, None if first.keys is None else tuple(keys)
    )


def position_of(position: int, per_page: int) -> tuple[int, int]:
    """Return the page of an entry of a list (see `paging`), and its position in the page."""
    return divmod(position, per_page)


def part_of(starts: Sequence[int], offset: int) -> tuple[int, int]:
    """Return the part of a page that has an entry, and the position of the entry in the part.

    Args:
        starts: The ``starts`` of the first part of the page.
        offset: The position of the entry in the page.
    """
    part = bisect_right(starts, offset)
    return part, offset - starts[part - 1] if part else offset
