"""The column for the values that an unmapped task produced."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.errors import CollectError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.columns.column import Column
from airflow_dynamic_provider.execution.pages import read_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.sources import ItemSource


class ItemColumn(Column):
    """The values of a dynamic output of an unmapped task."""

    def __init__(self, reader: Reader, source: ItemSource) -> None:
        self._reader = reader
        self._source = source
        self._page: tuple[int, Sequence[tuple[str | None, Any]]] | None = None

    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return success for all keys, because the task produces all of them or none."""
        return [SUCCESS] * len(indexes)

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the values. One API call for each thousand values."""
        return [self._value(index) for index in indexes]

    def _value(self, index: int) -> Any:
        number, offset = divmod(index, layout.VALUES_PER_PAGE)
        if self._page is None or self._page[0] != number:
            # The page before goes first, because both together would be twice the memory.
            self._page = None
            read = read_values(self._reader.context, self._source.task_id, self._source.output, number)
            self._page = (number, () if read is None else read.by_key)
            self._check_none_lost(number * layout.VALUES_PER_PAGE + len(self._page[1]))
        key = self._reader.keys(self._source.space)[index][-1]
        return value_of_page(self._source, self._page[1], offset, key)

    def _check_none_lost(self, count: int) -> None:
        """Refuse a list of keys that is shorter than the list of values, because one try stores both."""
        keys = self._reader.keys(self._source.space)
        if count > len(keys):
            raise CollectError(
                f"lists {len(keys)} keys but stored {count} values: some keys were lost",
                task_id=self._source.task_id,
                output_name=self._source.output,
                remedy=f"Clear {self._source.task_id!r} with its downstream tasks.",
            )


def value_of_page(source: ItemSource, page: Sequence[tuple[str | None, Any]], offset: int, key: str) -> Any:
    """Return a value from a page of values.

    Args:
        source: The source of the values, which errors name.
        page: Each value with its mapping key, which is ``None`` if an earlier release stored the value.
        offset: The position of the value in the page.
        key: The mapping key that the value must belong to.

    Raises:
        CollectError: There is no such value, or it belongs to another key.
    """
    if offset >= len(page):
        raise CollectError(
            f"stored fewer values than keys: {len(page)}",
            task_id=source.task_id,
            output_name=source.output,
            remedy=f"The Dag file has changed. Clear {source.task_id!r} with its downstream tasks.",
        )
    stored_for, value = page[offset]
    if stored_for not in (None, key):
        raise CollectError(
            f"the value that is stored in its place belongs to the key {stored_for!r}",
            task_id=source.task_id,
            output_name=source.output,
            mapping_key=key,
            remedy=f"Clear {source.task_id!r} with its downstream tasks.",
        )
    return value
