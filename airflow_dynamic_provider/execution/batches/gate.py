"""The gate before a batch: it stops a batch none of whose keys can start.

A task cannot end itself as upstream_failed. The scheduler can, after a gate has failed.
"""

from __future__ import annotations

from typing import Any

from airflow_dynamic_provider.definitions.states import SKIPPED
from airflow_dynamic_provider.execution.batch_records.stored import KeyRecord
from airflow_dynamic_provider.execution.batches.batch import BATCH_KEY, Batch
from airflow_dynamic_provider.execution.batches.recording import Recorder
from airflow_dynamic_provider.execution.batches.starting import find_stopped
from airflow_dynamic_provider.execution.helpers import GateOperator, no_retry_after_refusal


class BatchGateOperator(GateOperator):
    """Lets a batch start if one of its keys can start. Its checks are those of each key."""

    def execute(self, context: Any) -> None:
        """Succeed, fail or skip. Airflow calls this in the task's process.

        If no key can start, it stores the state of each key, because the batch itself will not run.

        Raises:
            AirflowFailException: No key can start, and the upstream of one of them failed.
            AirflowSkipException: No key can start, because the upstream of all of them was skipped.
        """
        from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

        batch: Batch = context[BATCH_KEY]
        with no_retry_after_refusal():
            stopped = find_stopped(batch)
            if len(stopped) < len(batch.places):
                return
        recorder = Recorder(batch, keeps_checkpoints=False)
        for place in batch.places:
            state, reason = stopped[place.position]
            recorder.add(KeyRecord(place.key_path, place.position, state, reason=reason, tries=0))
        recorder.close()
        states = {state for state, _ in stopped.values()}
        kind = AirflowSkipException if states == {SKIPPED} else AirflowFailException
        raise kind(f"None of the {len(stopped)} keys can start: {next(iter(stopped.values()))[1]}.")
