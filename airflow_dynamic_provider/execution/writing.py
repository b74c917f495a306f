"""Stores the dynamic outputs of a running task in pages, as they are produced.

The list of keys is stored last, by `storing`. Until then nobody reads the pages, so nobody reads the
outputs of a task that fails. Airflow deletes the XComs of a task instance when it starts again.
"""

from __future__ import annotations

import functools
import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.execution import layout, paging
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY, CloneRuntime
from airflow_dynamic_provider.execution.pages import part_of, position_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping

    from airflow_dynamic_provider.definitions.events import DynamicOutput
    from airflow_dynamic_provider.definitions.metadata import MetadataValue

log = logging.getLogger(__name__)

#: The number of outputs between two lines of progress in the task's log.
_LOG_EVERY = 500

#: The size of a part of the values of a collected output, in bytes. A collector reads all of them anyway.
_VALUES_BYTES = 1024 * 1024


class OutputWriter:
    """Stores the dynamic outputs of one task run. Two parts of a page are in memory for each output.

    Args:
        context: Airflow's task context.
        outputs: The dynamic outputs.
        collected_outputs: The dynamic outputs that are collected themselves, not only after a ``map``.
    """

    def __init__(
        self, context: MutableMapping[str, Any], outputs: Iterable[str], collected_outputs: Iterable[str]
    ) -> None:
        self._context = context
        clone: CloneRuntime | None = context.get(RUNTIME_KEY)
        self._key_path = clone.key_path if clone else ()
        self._map_index = clone.map_index if clone else xcom.UNMAPPED
        self._attempt = xcom.attempt_of(context)
        self._counts = dict.fromkeys(outputs, 0)
        self._items = {
            name: paging.PageWriter(layout.ITEMS_PER_PAGE, functools.partial(self._store_items, name))
            for name in self._counts
        }
        self._values = {
            name: paging.PageWriter(
                layout.VALUES_PER_PAGE, functools.partial(self._store_values, name), _VALUES_BYTES
            )
            for name in self._counts
            if name in collected_outputs
        }

    def take(self, event: DynamicOutput[Any]) -> None:
        """Store an output. One API call for each page that is complete."""
        name = event.output_name
        size = xcom.size_of(event.value, otherwise=paging.PART_BYTES)
        self._items[name].add(event, size)
        if name in self._values:
            self._values[name].add((event.mapping_key, event.value), size)
        self._counts[name] += 1
        if self._counts[name] % _LOG_EVERY == 0:
            log.info("Stored %d outputs of %r", self._counts[name], name)

    def close(self) -> None:
        """Store what is left. One API call for each dynamic output, two if it is collected itself."""
        for writer in (*self._items.values(), *self._values.values()):
            writer.close()
        for name, count in self._counts.items():
            log.info("Produced %d keys for the output %r", count, name)

    def add_metadata(self, name: str, positions: Mapping[int, Mapping[str, MetadataValue]]) -> None:
        """Add metadata to outputs that are stored already. Two or three API calls for each page of theirs.

        Args:
            name: The output.
            positions: Position of an output -> its metadata.
        """
        by_part: dict[tuple[int, int], dict[int, Mapping[str, MetadataValue]]] = {}
        firsts: dict[int, layout.StoredItems] = {}
        for position, metadata in positions.items():
            page, offset = position_of(position, layout.ITEMS_PER_PAGE)
            if page not in firsts:
                firsts[page] = self._read_own(name, page, 0)
            part, inside = part_of(firsts[page].starts, offset)
            by_part.setdefault((page, part), {})[inside] = metadata
        for (page, part), added in by_part.items():
            stored = self._read_own(name, page, part) if part else firsts[page]
            changed = stored.with_metadata(added)
            xcom.push(self._context, layout.items_xcom(name, page, part), changed.pack())

    def _read_own(self, name: str, page: int, part: int) -> layout.StoredItems:
        task_id = self._context["ti"].task_id
        map_index = xcom.map_index_of(self._context)
        stored = xcom.pull(self._context, task_id, layout.items_xcom(name, page, part), map_index)
        return layout.StoredItems.unpack(stored)

    def _store_items(self, name: str, part: paging.Part) -> None:
        if not part.entries:
            return
        stored = layout.StoredItems.of(
            part.entries, key_path=self._key_path, attempt=self._attempt, starts=tuple(part.starts)
        )
        xcom.push(self._context, layout.items_xcom(name, part.page, part.part), stored.pack())

    def _store_values(self, name: str, part: paging.Part) -> None:
        stored = layout.StoredValues(
            [value for _, value in part.entries],
            self._key_path,
            self._map_index,
            tuple(key for key, _ in part.entries),
            tuple(part.starts),
        )
        xcom.push(self._context, layout.values_xcom(name, part.page, part.part), stored.pack())
