"""The check before a task that collects a join: whether a key of the join failed.

An inner zip and a product may leave keys of a side out. If a clone fails for such a key, no pair lacks a
value. The scheduler only knows that a clone failed, so this task reads the states of the keys of the join.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from airflow_dynamic_provider.execution.helpers import HelperOperator, no_retry_after_refusal

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.sources import PairSource


class FailedPairsOperator(HelperOperator):
    """Fails if a key of a join failed. What collects the join waits for it.

    Args:
        source: The pairs.
    """

    custom_operator_name = "check"

    def __init__(self, *, source: PairSource, **kwargs: Any) -> None:
        super().__init__(trigger_rule=TriggerRule.NONE_FAILED, **kwargs)
        self.source = source

    def execute(self, context: Any) -> None:
        """Read the states of all keys. Airflow calls this in the task's process.

        One API call for the states of all clones, and the calls of a collection that reads no values.

        Raises:
            AirflowSkipException: The task that lists the keys was skipped.
            AirflowFailException: A key failed.
        """
        from airflow_dynamic_provider.airflow_adapter import xcom
        from airflow_dynamic_provider.definitions.keys import name_keys
        from airflow_dynamic_provider.execution.columns.making import make_column
        from airflow_dynamic_provider.execution.columns.reader import Reader
        from airflow_dynamic_provider.execution.shaping import find
        from airflow_dynamic_provider.execution.sources import state_task_ids
        from airflow_dynamic_provider.version_compat import AirflowFailException

        wanted = {*state_task_ids(self.source), self.source.space.keys_task_id}
        with no_retry_after_refusal():
            reader = Reader(context, xcom.read_states(context, sorted(wanted)))
            indexes = list(range(len(reader.keys(self.source.space))))
            outcomes = make_column(reader, self.source).outcomes(indexes)
            failures = find(reader, self.source, (), indexes, outcomes).failures
        if failures:
            raise AirflowFailException(
                f"{len(failures)} of {len(indexes)} keys of {self.source} failed: {name_keys(failures)}. "
                "Clear the clones that failed with their downstream tasks."
            )
