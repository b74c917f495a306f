"""The values that a task has produced which runs once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.errors import CollectError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.columns.column import Column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.sources import ItemSource


class ItemColumn(Column):
    """The values of a dynamic output of a task that runs once."""

    def __init__(self, reader: Reader, source: ItemSource) -> None:
        self._reader = reader
        self._source = source
        self._page: tuple[int, Sequence[tuple[str | None, Any]]] | None = None

    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return success for all: the task produces all or none."""
        return [SUCCESS] * len(indexes)

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the values. One API call for each thousand."""
        return [self._value(index) for index in indexes]

    def _value(self, index: int) -> Any:
        number, offset = divmod(index, layout.VALUES_PER_PAGE)
        if self._page is None or self._page[0] != number:
            xcom_key = layout.values_xcom(self._source.output, number)
            stored = xcom.pull(self._reader.context, self._source.task_id, xcom_key)
            self._page = (number, () if stored is None else layout.StoredValues.unpack(stored).by_key)
            self._check_none_lost(number * layout.VALUES_PER_PAGE + len(self._page[1]))
        key = self._reader.keys(self._source.space)[index][-1]
        return value_of_page(self._source, self._page[1], offset, key)

    def _check_none_lost(self, count: int) -> None:
        """Refuse a list of keys that is shorter than that of the values: both are stored in one try."""
        keys = self._reader.keys(self._source.space)
        if count > len(keys):
            raise CollectError(
                f"lists {len(keys)} keys and has stored values of {count}: some keys were lost",
                task_id=self._source.task_id,
                output_name=self._source.output,
                remedy=f"Clear {self._source.task_id!r} with its downstream tasks.",
            )


def value_of_page(source: ItemSource, page: Sequence[tuple[str | None, Any]], offset: int, key: str) -> Any:
    """Return a value of some that are stored together.

    Args:
        source: What they are of, named in errors.
        page: Each value with its mapping key; ``None`` where an earlier release has stored none.
        offset: The place of the value among them.
        key: The mapping key that it must have been stored for.

    Raises:
        CollectError: There is no such value, or it is that of another key.
    """
    if offset >= len(page):
        raise CollectError(
            f"stored fewer values to collect than keys: {len(page)}",
            task_id=source.task_id,
            output_name=source.output,
            remedy=f"The Dag file has changed: clear {source.task_id!r} with its downstream tasks.",
        )
    stored_for, value = page[offset]
    if stored_for not in (None, key):
        raise CollectError(
            f"the value that is stored at its place is that of the key {stored_for!r}",
            task_id=source.task_id,
            output_name=source.output,
            mapping_key=key,
            remedy=f"Clear {source.task_id!r} with its downstream tasks.",
        )
    return value
