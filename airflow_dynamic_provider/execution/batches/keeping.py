"""Reads what a clear of single keys keeps of a batch. The batch does not run these keys again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.execution.batch_records.kept import StoredKept, Try, kept_xcom

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord

#: What is kept, by key path, and the id that tells this clear from others.
Kept = tuple[dict[tuple[str, ...], "KeyRecord"], str | None]


def read_kept(context: Mapping[str, Any], lister_id: str, task_id: str, number: int) -> Kept:
    """Return what the last clear keeps of a batch; nothing if it cleared the whole batch.

    One API call for each stored chunk, at least one.

    Args:
        context: Airflow's task context.
        lister_id: The task that divides the keys.
        task_id: The batched task.
        number: The number of the batch.
    """
    now = Try(xcom.id_of(context), xcom.attempt_of(context), xcom.max_tries_of(context))
    found: dict[tuple[str, ...], KeyRecord] = {}
    chunk, clear = 0, None
    while (stored := xcom.pull(context, lister_id, kept_xcom(task_id, number, chunk))) is not None:
        kept = StoredKept.unpack(stored)
        if not now.follows(kept.clear) or clear not in (None, kept.clear):
            # Airflow has cleared the whole batch since then.
            return {}, None
        clear = kept.clear
        found |= {record.key_path: record for record in kept.chunk.records}
        if kept.chunk.is_last:
            return found, clear.ti_id
        chunk += 1
    return {}, None
