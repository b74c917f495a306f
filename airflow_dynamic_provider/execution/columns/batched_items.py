"""The column for the values that the keys of a batched task produced, each below its own key."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.errors import CollectError
from airflow_dynamic_provider.execution.batch_records.items import read_page
from airflow_dynamic_provider.execution.batch_records.reading import batch_of, records_of
from airflow_dynamic_provider.execution.columns.column import Column
from airflow_dynamic_provider.execution.pages import keep_pages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dynamic_provider.execution.batch_records.reading import BatchRecords
    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.spaces import KeyPath, NestedSpace

# Keys that run at the same time end in another order, so their values may be in any of some pages.
_PAGES_IN_MEMORY = 16


class BatchedItemColumn(Column):
    """The values of a dynamic output of a batched task. Each outer key has its own values.

    Args:
        reader: Reads the keys.
        space: The keys of the output.
    """

    def __init__(self, reader: Reader, space: NestedSpace) -> None:
        assert space.batches is not None
        self._reader = reader
        self._space = space
        self._cut = space.batches.cut
        # One page has the batches of a thousand keys.
        self._places = dict(reader.context)
        keep_pages(self._places)
        self._records = lru_cache(maxsize=1)(self._read_records)
        self._pages_of = lru_cache(maxsize=1)(self._read_pages_of)
        self._values = lru_cache(maxsize=_PAGES_IN_MEMORY)(self._read_values)

    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return success for all keys, because only outer keys that succeeded have keys here."""
        return [SUCCESS] * len(indexes)

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the values. One API call for each stored chunk of the batches, and one for each page."""
        keys = self._reader.keys(self._space)
        return [self._value(keys[index]) for index in indexes]

    def _value(self, path: KeyPath) -> Any:
        outer = self._outer_positions[path[:-1]]
        number = batch_of(self._places, self._cut, outer)
        page = None if number is None else self._pages_of(number, outer).get(path)
        values = {} if number is None or page is None else self._values(number, page)
        at = (self._space.output, path)
        if at not in values:
            raise CollectError(
                "its batch no longer has this key",
                task_id=self._space.producer_id,
                output_name=self._space.output,
                mapping_key=render_key(path),
                remedy=f"Clear {self._space.producer_id!r} with its downstream tasks.",
            )
        return values[at]

    def _read_pages_of(self, number: int, position: int) -> dict[KeyPath, int]:
        """Return the page of each value below an outer key."""
        record = self._records(number).at(position)
        items = () if record is None else record.items.get(self._space.output, ())
        return {} if record is None else {(*record.key_path, item.key): item.page for item in items}

    def _read_records(self, number: int) -> BatchRecords:
        return records_of(self._reader.context, self._space.producer_id, number)

    def _read_values(self, number: int, page: int) -> dict[tuple[str, KeyPath], Any]:
        found = read_page(self._reader.context, self._space.producer_id, number, page)
        return {} if found is None else found.values

    @cached_property
    def _outer_positions(self) -> dict[KeyPath, int]:
        return {path: position for position, path in self._reader.paths(self._space.outer)}
