"""The column for the values that the clones of a task produced, each below its own key."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.columns.column import AT_ONCE, Column
from airflow_dynamic_provider.execution.columns.items import value_of_page
from airflow_dynamic_provider.execution.pages import read_values, with_other_parts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.sources import ItemSource
    from airflow_dynamic_provider.execution.spaces import KeyPath, NestedSpace


class NestedItemColumn(Column):
    """The values of a dynamic output of a cloned task. Each outer key's clone has its own values."""

    def __init__(self, reader: Reader, source: ItemSource, space: NestedSpace) -> None:
        self._reader = reader
        self._source = source
        self._space = space
        self._outer: tuple[KeyPath, Sequence[tuple[str | None, Any]]] | None = None

    def outcomes(self, indexes: Sequence[int]) -> list[str]:
        """Return success for all keys, because only clones that succeeded have keys here."""
        return [SUCCESS] * len(indexes)

    def values(self, indexes: Sequence[int]) -> list[Any]:
        """Return the values. One API call.

        It makes one for each outer key if there are more than `AT_ONCE` keys, or if only the keys below
        another key are read.
        """
        keys = self._reader.keys(self._space)
        if len(keys) > AT_ONCE or not self._reader.reads_all:
            return [self._value(self._of_outer(keys[i][:-1]), i) for i in indexes]
        outer = self._by_outer
        return [self._value(outer.get(keys[i][:-1], ()), i) for i in indexes]

    def _value(self, page: Sequence[tuple[str | None, Any]], index: int) -> Any:
        key = self._reader.keys(self._space)[index][-1]
        return value_of_page(self._source, page, self._inner[index], key)

    @cached_property
    def _by_outer(self) -> Mapping[KeyPath, Sequence[tuple[str | None, Any]]]:
        """The values below each outer key, read once, because a large join needs them page by page."""
        xcom_key = layout.values_xcom(self._source.output, 0)
        stored = xcom.pull_all(self._reader.context, self._source.task_id, xcom_key)
        return {
            page.key_path: self._whole(page, 0, page.map_index).by_key
            for page in map(layout.StoredValues.unpack, stored)
            # The values of clones that were removed, or have not finished their current try, are stored too.
            if self._reader.state(self._source.task_id, page.map_index) == SUCCESS
        }

    @cached_property
    def _inner(self) -> dict[int, int]:
        """The position of each key among the keys below the same outer key."""
        counts: dict[KeyPath, int] = {}
        positions: dict[int, int] = {}
        for position, path in self._reader.paths(self._space):
            positions[position] = counts.get(path[:-1], 0)
            counts[path[:-1]] = positions[position] + 1
        return positions

    def _of_outer(self, outer: KeyPath) -> Sequence[tuple[str | None, Any]]:
        if self._outer is None or self._outer[0] != outer:
            values: list[tuple[str | None, Any]] = []
            position = self._outer_positions[outer]
            for page in range(len(self._reader.keys(self._space)) // layout.VALUES_PER_PAGE + 1):
                context, task_id = self._reader.context, self._source.task_id
                read = read_values(context, task_id, self._source.output, page, position)
                if read is None or read.key_path != outer:
                    break
                values += read.by_key
                if len(read.values) < layout.VALUES_PER_PAGE:
                    break
            self._outer = (outer, values)
        return self._outer[1]

    def _whole(self, first: layout.StoredValues, page: int, position: int) -> layout.StoredValues:
        context, source = self._reader.context, self._source
        return with_other_parts(context, source.task_id, source.output, page, first, position)

    @cached_property
    def _outer_positions(self) -> dict[KeyPath, int]:
        return {path: position for position, path in self._reader.paths(self._space.outer)}
