"""Chooses the column of a source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.execution.columns.items import ItemColumn
from airflow_dynamic_provider.execution.columns.nested import NestedItemColumn
from airflow_dynamic_provider.execution.columns.pairs import PairColumn
from airflow_dynamic_provider.execution.columns.reader_below import ReaderBelow
from airflow_dynamic_provider.execution.columns.results import ResultColumn
from airflow_dynamic_provider.execution.columns.results_below import ResultColumnBelow
from airflow_dynamic_provider.execution.sources import PairSource, ResultSource
from airflow_dynamic_provider.execution.spaces import NestedSpace

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.columns.column import Column
    from airflow_dynamic_provider.execution.columns.reader import Reader
    from airflow_dynamic_provider.execution.sources import Source


def make_column(reader: Reader, source: Source) -> Column:
    """Return the column that reads a source's states and values."""
    if isinstance(source, ResultSource) and source.clone.batches is not None:
        # Imported only here: most tasks collect no batches.
        from airflow_dynamic_provider.execution.columns.batched import BatchedColumn

        return BatchedColumn(reader, source)
    if isinstance(source, ResultSource) and isinstance(reader, ReaderBelow):
        return ResultColumnBelow(reader, source)
    if isinstance(source, ResultSource):
        return ResultColumn(reader, source)
    if isinstance(source, PairSource):
        return PairColumn(
            reader, source.space, make_column(reader, source.left), make_column(reader, source.right)
        )
    if isinstance(source.space, NestedSpace):
        return NestedItemColumn(reader, source, source.space)
    return ItemColumn(reader, source)
