"""Stores the dynamic outputs of a running task in pages, as they are produced.

The list of keys is stored last, by `storing`. Until then nobody reads the pages, so nobody reads the
outputs of a task that fails. Airflow deletes the XComs of a task instance when it starts again.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import replace
from airflow_dynamic_provider.execution import layout, paging
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime
from airflow_dynamic_provider.execution.pages import ITEMS, VALUES, Pages, part_of, position_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, MutableMapping

    from airflow_dynamic_provider.definitions.events import DynamicOutput
    from airflow_dynamic_provider.definitions.metadata import MetadataValue

    _Labelled = Mapping[int, Mapping[str, MetadataValue]]

log = logging.getLogger(__name__)

#: The number of outputs between two lines of progress in the task's log.
_LOG_EVERY = 500

#: The size of a part of the values of a collected output, in bytes. A collector reads all of them anyway.
_VALUES_BYTES = 1024 * 1024


def _by_page(positions: _Labelled, length: int) -> dict[int, _Labelled]:
    """Return page -> position in the page -> metadata."""
    pages: dict[int, dict[int, Mapping[str, MetadataValue]]] = {}
    for position, metadata in positions.items():
        page, offset = position_of(position, length)
        pages.setdefault(page, {})[offset] = metadata
    return dict(pages)


class OutputWriter:
    """Stores the dynamic outputs of one task run. Two parts of a page are in memory for each output.

    Args:
        context: Airflow's task context.
        outputs: The dynamic outputs.
        collected_outputs: The dynamic outputs that are collected themselves, not only after a ``map``.
        batched_outputs: The dynamic outputs that batches read in the same pages, with their metadata.
        single_outputs: The dynamic outputs of which other task instances read single keys. An output that
            only batches read has no pages for them.
    """

    def __init__(
        self,
        context: MutableMapping[str, Any],
        outputs: Iterable[str],
        collected_outputs: Collection[str],
        batched_outputs: Collection[str],
        single_outputs: Collection[str],
    ) -> None:
        self._context = context
        self._batched = frozenset(batched_outputs)
        clone: CloneRuntime | None = context.get(RUNTIME_KEY)
        self._key_path = clone.key_path if clone else ()
        self._map_index = clone.map_index if clone else xcom.UNMAPPED
        self._attempt = xcom.attempt_of(context)
        self._counts = dict.fromkeys(outputs, 0)
        # The deployment's backend may keep values in objects, and the pages show metadata without them.
        self._describes = not xcom.loads_json_only()
        self._parts: dict[str, dict[int, layout.StoredItems]] = {name: {} for name in self._counts}
        self._items = {
            name: paging.PageWriter(layout.ITEMS_PER_PAGE, functools.partial(self._store_items, name))
            for name in self._counts
            if name in single_outputs or name not in batched_outputs
        }
        self._values = {
            name: paging.PageWriter(
                layout.VALUES_PER_PAGE, functools.partial(self._store_values, name), _VALUES_BYTES
            )
            for name in self._counts
            if name in collected_outputs or name in batched_outputs
        }

    def take(self, event: DynamicOutput[Any]) -> None:
        """Store an output. One or two API calls for each page that is complete."""
        name = event.output_name
        size = xcom.size_of(event.value, otherwise=paging.PART_BYTES)
        for pages in (self._items, self._values):
            if name in pages:
                pages[name].add(event, size)
        self._counts[name] += 1
        if self._counts[name] % _LOG_EVERY == 0:
            log.info("Stored %d outputs of %r", self._counts[name], name)

    def close(self) -> None:
        """Store what is left. One or two API calls for each dynamic output."""
        for writer in (*self._items.values(), *self._values.values()):
            writer.close()
        for name, count in self._counts.items():
            log.info("Produced %d keys for the output %r", count, name)

    def add_metadata(self, name: str, positions: Mapping[int, Mapping[str, MetadataValue]]) -> None:
        """Add metadata to outputs that are stored already. Two to five API calls for each page of theirs.

        Args:
            name: The output.
            positions: Position of an output -> its metadata.
        """
        if name in self._items:
            self._add_to_pages(ITEMS, name, positions, describes=self._describes)
        if name in self._batched:
            self._add_to_pages(VALUES, name, positions, describes=self._describes_values(name))

    def _add_to_pages(self, pages: Pages, name: str, positions: _Labelled, *, describes: bool) -> None:
        for page, added in _by_page(positions, pages.length).items():
            self._add_to_page(pages, name, page, added)
            if describes:
                xcom_key = layout.described_xcom(pages.xcom_key(name, page, 0))
                described = self._read_own(xcom_key, ITEMS)
                xcom.push(self._context, xcom_key, described.with_metadata(added).pack())

    def _add_to_page(self, pages: Pages, name: str, page: int, added: _Labelled) -> None:
        first = self._read_own(pages.xcom_key(name, page, 0), pages)
        by_part: dict[int, dict[int, Mapping[str, MetadataValue]]] = {}
        for offset, metadata in added.items():
            part, inside = part_of(first.starts, offset)
            by_part.setdefault(part, {})[inside] = metadata
        for part, some in by_part.items():
            xcom_key = pages.xcom_key(name, page, part)
            stored = self._read_own(xcom_key, pages) if part else first
            xcom.push(self._context, xcom_key, stored.with_metadata(some).pack())

    def _read_own(self, xcom_key: str, pages: Pages) -> Any:
        task_id = self._context["ti"].task_id
        stored = xcom.pull(self._context, task_id, xcom_key, xcom.map_index_of(self._context))
        return pages.unpack(stored)

    def _store_items(self, name: str, part: paging.Part) -> None:
        if not part.entries:
            return
        stored = layout.StoredItems.of(
            part.entries, key_path=self._key_path, attempt=self._attempt, starts=tuple(part.starts)
        )
        xcom.push(self._context, layout.items_xcom(name, part.page, part.part), stored.pack())
        if self._describes:
            self._describe(ITEMS, name, part, stored)

    def _describes_values(self, name: str) -> bool:
        """Return whether the pages for batches are stored without values too, because there are no others."""
        return self._describes and name not in self._items

    def _describe(self, pages: Pages, name: str, part: paging.Part, stored: layout.StoredItems) -> None:
        """Store a page without its values, as soon as all its parts are stored."""
        parts = self._parts[name]
        parts[part.part] = replace(stored, values=None)
        # The first part is stored last.
        if part.part == 0:
            page = layout.StoredItems.described([parts[number] for number in sorted(parts)])
            xcom_key = layout.described_xcom(pages.xcom_key(name, part.page, 0))
            xcom.push(self._context, xcom_key, page.pack())
            parts.clear()

    def _store_values(self, name: str, part: paging.Part) -> None:
        items = layout.StoredItems.of(part.entries, key_path=self._key_path, attempt=self._attempt)
        stored = layout.StoredValues(
            items.values or [],
            self._key_path,
            self._map_index,
            items.keys,
            tuple(part.starts),
            items.metadata if name in self._batched else None,
            self._attempt,
        )
        xcom.push(self._context, layout.values_xcom(name, part.page, part.part), stored.pack())
        if self._describes_values(name):
            self._describe(VALUES, name, part, items)
