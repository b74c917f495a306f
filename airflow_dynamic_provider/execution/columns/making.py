"""Chooses the column of a source."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from airflow_dynamic_provider.execution.sources import PairSource, ResultSource
from airflow_dynamic_provider.execution.spaces import NestedSpace

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_dynamic_provider.execution.columns.column import Column
    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.sources import Source
    from airflow_dynamic_provider.execution.spaces import Origin


def make_column(reader: Reader, source: Source) -> Column:
    """Return the column that reads a source's states and values."""
    # Each column is imported where it is made, because a task seldom reads sources of two kinds.
    if isinstance(source, ResultSource) and source.clone.batches is not None:
        from airflow_dynamic_provider.execution.columns.batched import BatchedColumn

        return BatchedColumn(reader, source.clone, source.output)
    if isinstance(source, ResultSource) and not reader.reads_all:
        from airflow_dynamic_provider.execution.columns.results_below import ResultColumnBelow

        return ResultColumnBelow(reader, source)
    if isinstance(source, ResultSource):
        from airflow_dynamic_provider.execution.columns.results import ResultColumn

        return ResultColumn(reader, source)
    if isinstance(source, PairSource):
        from airflow_dynamic_provider.execution.columns.pairs import PairColumn

        return PairColumn(
            reader, source.space, make_column(reader, source.left), make_column(reader, source.right)
        )
    if isinstance(source.space, NestedSpace) and source.space.batches is not None:
        from airflow_dynamic_provider.execution.columns.batched_items import BatchedItemColumn

        return BatchedItemColumn(reader, source.space)
    if isinstance(source.space, NestedSpace):
        from airflow_dynamic_provider.execution.columns.nested import NestedItemColumn

        return NestedItemColumn(reader, source, source.space)
    from airflow_dynamic_provider.execution.columns.items import ItemColumn

    return ItemColumn(reader, source)


def state_of_producer(reader: Reader, origin: Origin) -> Callable[[int], str | None]:
    """Return a function from the position of a key to the state of the clone that produces the keys below."""
    if origin.batches is None:
        return partial(reader.state, origin.task_id)
    from airflow_dynamic_provider.execution.columns.batched import BatchedColumn

    return BatchedColumn(reader, origin, "").state
