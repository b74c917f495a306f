"""The task that divides a list of keys into batches, over which Airflow expands."""

from __future__ import annotations

import itertools
import logging
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.states import SUCCESS
from airflow_dynamic_provider.execution.batch_records.cutting import Range, cut_groups
from airflow_dynamic_provider.execution.batch_records.stored import (
    BATCHES_PER_PAGE,
    StoredBatches,
    batches_xcom,
    pages_of_places,
    places_xcom,
)
from airflow_dynamic_provider.execution.collected import PAGE_SIZE
from airflow_dynamic_provider.execution.columns.making import make_column
from airflow_dynamic_provider.execution.columns.reader import Reader
from airflow_dynamic_provider.execution.helpers import HelperOperator, no_retry_after_refusal
from airflow_dynamic_provider.execution.lengths import check_length
from airflow_dynamic_provider.execution.sources import state_task_ids

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.sources import Source
    from airflow_dynamic_provider.execution.spaces import KeyPath, Space

log = logging.getLogger(__name__)


class BatchesOperator(HelperOperator):
    """Divides the keys of a space into batches.

    Args:
        space: The key space.
        size: The maximum number of keys in a batch.
        limit: The maximum stored size of the values in a batch, in bytes; ``None`` for no limit.
        source: The values that count for the limit.
    """

    custom_operator_name = "batches"

    def __init__(
        self, *, space: Space, size: int, limit: int | None, source: Source | None, **kwargs: Any
    ) -> None:
        super().__init__(trigger_rule="all_success", **kwargs)
        self.space = space
        self.size = size
        self.limit = limit
        self.source = source

    def execute(self, context: Any) -> list[list[int]]:
        """Return the positions of the keys of each batch. Airflow calls this in the task's process.

        It makes two API calls to read the keys, and one for each 64 batches and each 1,000 keys. With a limit
        of bytes, it also reads the values.

        Raises:
            AirflowFailException: There are more batches than Airflow maps.
        """
        with no_retry_after_refusal():
            task_ids = state_task_ids(self.source) if self.source is not None else set()
            reader = Reader(context, xcom.read_states(context, sorted(task_ids)) if task_ids else {})
            keys = reader.keys(self.space)
            count = len(keys)
            sizes = None if self.limit is None else self._sizes(reader, count)
            batches = cut_groups(self._groups(keys), self.size, sizes, self.limit)
            check_length(len(batches), self.task_id, "batches")
        attempt = xcom.attempt_of(context)
        for page, start in enumerate(range(0, len(batches), BATCHES_PER_PAGE)):
            stored = StoredBatches(tuple(batches[start : start + BATCHES_PER_PAGE]), attempt)
            xcom.push(context, batches_xcom(page), stored.pack())
        for page, places in enumerate(pages_of_places(batches)):
            xcom.push(context, places_xcom(page), places.pack())
        log.info("Divided %d keys into %d batches", count, len(batches))
        return [list(batch) for batch in batches]

    def _groups(self, keys: list[KeyPath]) -> list[Range]:
        """Return the keys that may share a batch: inside a map, those of one key of that map."""
        depth = self.space.enclosing.depth if self.space.enclosing else 0
        groups, start = [], 0
        for _, paths in itertools.groupby(keys, key=lambda path: path[:depth]):
            stop = start + sum(1 for _ in paths)
            groups.append(Range(start, stop))
            start = stop
        return groups

    def _sizes(self, reader: Reader, count: int) -> list[int]:
        """Return the stored size of the value of each key. It is 0 for a key without a value."""
        assert self.source is not None
        column = make_column(reader, self.source)
        outcomes = column.survey(range(count))
        sizes = [0] * count
        present = [position for position, state in enumerate(outcomes) if state == SUCCESS]
        for start in range(0, len(present), PAGE_SIZE):
            positions = present[start : start + PAGE_SIZE]
            for position, value in zip(positions, column.values(positions), strict=True):
                sizes[position] = xcom.size_of(value, otherwise=0)
        return sizes
