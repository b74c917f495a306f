"""Defines how the dynamic outputs are stored that the keys of a batch produced. Keys share pages.

========================================  ===============================================================
XCom of the task instance of a batch
========================================  ===============================================================
``dynamic_batch_items.<page>``            some dynamic outputs in the order in which their keys ended: the
                                          output, the key path, the mapping keys and the values
========================================  ===============================================================

The record of a key says which of its outputs are in which page. Pages are stored before the records that name
them, and the checkpoints of both have the same form.
"""

from __future__ import annotations

import itertools
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.records import Record, replace
from airflow_dynamic_provider.execution.batch_records.stored import REMEDY
from airflow_dynamic_provider.execution.forms import Form, integer, optional, reading
from airflow_dynamic_provider.execution.pages import read_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_dynamic_provider.execution.batch_records.stored import BatchItem, KeyRecord

#: The beginning of the XCom keys of pages.
ITEMS_PREFIX = "dynamic_batch_items."

ITEMS = Form("the dynamic outputs of a batch", frozenset({"blocks"}), REMEDY)


def items_xcom(page: int) -> str:
    """Return the XCom key of a page of dynamic outputs."""
    return f"{ITEMS_PREFIX}{page}"


class Block(Record):
    """Dynamic outputs of one key that are next to each other.

    Attributes:
        output: The output.
        key_path: The key path of the key that produced them.
        started: When the call began that produced them, in milliseconds since 1970.
        keys: Their mapping keys.
        values: Their values.
    """

    output: str
    key_path: tuple[str, ...]
    started: int | None
    keys: Sequence[str]
    values: Sequence[Any]


class StoredBatchItems(Record):
    """A page of dynamic outputs."""

    blocks: tuple[Block, ...]

    @classmethod
    def of(cls, entries: Iterable[tuple[str, KeyRecord, BatchItem]]) -> StoredBatchItems:
        """Return the page of some dynamic outputs.

        Args:
            entries: For each its output, the record of the key that produced it, and itself.
        """
        blocks = []
        for (output, _), group in itertools.groupby(entries, lambda entry: (entry[0], entry[1].key_path)):
            found = list(group)
            record, items = found[0][1], [item for _, _, item in found]
            keys, values = [item.key for item in items], [item.value for item in items]
            blocks.append(Block(output, record.key_path, record.started, keys, values))
        return cls(tuple(blocks))

    def pack(self) -> dict[str, Any]:
        """Return the stored form."""
        blocks = [
            {
                "output": block.output,
                "key_path": list(block.key_path),
                "started": block.started,
                "keys": list(block.keys),
                "values": list(block.values),
            }
            for block in self.blocks
        ]
        return {**ITEMS.stamp, "blocks": blocks}

    @classmethod
    def unpack(cls, stored: Any) -> StoredBatchItems:
        """Read the stored form.

        Raises:
            LayoutError: The version or the shape of the document is unknown.
        """
        document = ITEMS.read(stored)
        with reading(ITEMS.noun, stored):
            return cls(tuple(map(_unpack_block, document["blocks"])))

    @cached_property
    def values(self) -> dict[tuple[str, tuple[str, ...]], Any]:
        """(output, key path with the own key) -> value."""
        return {
            (block.output, (*block.key_path, key)): value
            for block in self.blocks
            for key, value in zip(block.keys, block.values, strict=True)
        }

    def values_of(self, output: str, record: KeyRecord) -> dict[str, Any]:
        """Return mapping key -> value, of an output, as far as the run that a record is of produced it."""
        wanted = (output, record.key_path, record.started)
        return {
            key: value
            for block in self.blocks
            if (block.output, block.key_path, block.started) == wanted
            for key, value in zip(block.keys, block.values, strict=True)
        }


def with_values(record: KeyRecord, pages: Mapping[int, StoredBatchItems]) -> KeyRecord | None:
    """Return a record with the values of what its key produced; ``None`` if a value is missing.

    Args:
        record: The record.
        pages: Number -> page. One may be of another try than the record, in which the key ran again.
    """
    found: dict[str, list[BatchItem]] = {}
    for output, items in record.items.items():
        used = {item.page for item in items} & pages.keys()
        values = {page: pages[page].values_of(output, record) for page in used}
        if any(item.page >= 0 and item.key not in values.get(item.page, ()) for item in items):
            return None
        found[output] = [
            item if item.page < 0 else replace(item, page=-1, value=values[item.page][item.key])
            for item in items
        ]
    return replace(record, items=found) if found else record


def _unpack_block(stored: Mapping[str, Any]) -> Block:
    keys, values, started = stored["keys"], stored["values"], stored["started"]
    if len(keys) != len(values):
        raise ValueError(f"{len(keys)} keys for {len(values)} values")
    path = tuple(map(str, stored["key_path"]))
    return Block(str(stored["output"]), path, optional(integer, started), keys, values)


def read_page(context: Mapping[str, Any], task_id: str, number: int, page: int) -> StoredBatchItems | None:
    """Return a page of the dynamic outputs of a batch, ``None`` if there is none. One API call.

    Args:
        context: Airflow's task context.
        task_id: The batched task.
        number: The number of the batch.
        page: The number of the page.
    """
    return read_document(context, task_id, items_xcom(page), StoredBatchItems.unpack, number)
