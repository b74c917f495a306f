"""The batch that a task instance runs: its keys, and its label."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.labels import set_label
from airflow_dynamic_provider.definitions.keys import render_batch_label
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import StaleKeyError
from airflow_dynamic_provider.execution.batch_records.reading import know_own
from airflow_dynamic_provider.execution.batch_records.stored import (
    BATCHES_PER_PAGE,
    StoredBatches,
    batches_xcom,
)
from airflow_dynamic_provider.execution.clones import wait_for_own_key
from airflow_dynamic_provider.execution.layout import ITEMS_PER_PAGE
from airflow_dynamic_provider.execution.pages import keep_pages, read_range
from airflow_dynamic_provider.execution.places import know_items, place_at
from airflow_dynamic_provider.execution.spaces import ProducedSpace

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from airflow_dynamic_provider.execution.batch_records.cutting import Range
    from airflow_dynamic_provider.execution.batches.keeping import Kept
    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.places import Place

#: The key of the running batch in Airflow's task context.
BATCH_KEY = "dynamic_batch"


class Batch(Record, frozen=False, eq=False):
    """The batch that this process runs.

    Attributes:
        spec: The cloned task.
        map_index: The number of the batch.
        range: The positions of its keys.
        attempt: The attempt at producing the keys.
        context: Airflow's task context.
    """

    spec: CloneSpec
    map_index: int
    range: Range
    attempt: int
    context: MutableMapping[str, Any]

    @cached_property
    def places(self) -> list[Place]:
        """The keys of the batch. One API call for each stored page of them."""
        space, (start, stop) = self.spec.space, self.range
        batches = self.spec.batches
        assert batches is not None
        if isinstance(space, ProducedSpace) and batches.settings.size >= ITEMS_PER_PAGE:
            items = read_range(self.context, space.producer_id, space.output, start, stop)
            know_items(self.context, space, start, items or ())
        return [place_at(self.context, space, position) for position in range(start, stop)]

    @cached_property
    def label(self) -> str:
        """The label of the task instance."""
        first, last = self.places[0].key_path, self.places[-1].key_path
        return render_batch_label(first, last, self.range.length)

    @cached_property
    def kept(self) -> Kept:
        """What the last clear of single keys keeps.

        No API call unless something was cleared in this run. Then it makes one for each stored chunk.
        """
        if not xcom.was_cleared(self.context):
            return {}, None
        # Imported here, because nothing is cleared in most runs.
        from airflow_dynamic_provider.execution.batches.keeping import read_kept

        assert self.spec.batches is not None
        return read_kept(self.context, self.spec.batches.cut.task_id, self.spec.task_id, self.map_index)

    @cached_property
    def fingerprint(self) -> str:
        """What distinguishes the checkpoints of this batch from those of other keys, or before a clear.

        The task state store names a task instance by its position, and may outlive a clear. A clear raises
        the maximum number of tries, unless the task instance runs; a retry does not.
        """
        keys = [place.key_path for place in self.places]
        told = [keys, self.attempt, xcom.max_tries_of(self.context)]
        if (clear_id := self.kept[1]) is not None:
            told.append(clear_id)
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def start_batch(context: MutableMapping[str, Any], spec: CloneSpec) -> Batch:
    """Find the keys that this task instance runs, and set its label. The first call makes up to 4 API calls.

    Raises:
        StaleKeyError: There is no batch with this number.
    """
    running: Batch | None = context.get(BATCH_KEY)
    if running is not None:
        return running
    assert spec.batches is not None
    cut = spec.batches.cut
    number = xcom.map_index_of(context)
    page, offset = divmod(number, BATCHES_PER_PAGE)
    stored = xcom.pull(context, cut.task_id, batches_xcom(page))
    batches = None if stored is None else StoredBatches.unpack(stored)
    if batches is None or offset >= len(batches.ranges):
        raise StaleKeyError(
            f"there is no batch with the number {number} now",
            task_id=spec.task_id,
            remedy=f"Clear {cut.task_id!r} together with its downstream tasks.",
        )
    keep_pages(context)
    know_own(context, cut, number, batches.ranges[offset])
    batch = context[BATCH_KEY] = Batch(spec, number, batches.ranges[offset], batches.attempt, context)
    set_label(context, batch.label)
    if batch.attempt > 1:
        wait_for_own_key(context, spec, number)
    return batch
