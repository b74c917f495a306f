"""The check after a batched task: whether one of its keys could not start.

A batch succeeds although keys of it could not start. Whether a failure upstream stopped one of them is in the
records of the batches, and the scheduler cannot read these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import TriggerRule

from airflow_dynamic_provider.execution.helpers import HelperOperator, no_retry_after_refusal

if TYPE_CHECKING:
    from airflow_dynamic_provider.execution.clones import CloneSpec


class StoppedKeysOperator(HelperOperator):
    """Fails if a key of a batched task could not start. What needs all keys of the task waits for it.

    It is needed where a clone of an upstream task may fail without a consequence for any key of the batches.
    Example: the upstream task is mapped over files, and the batched task over an inner zip of the files.

    Args:
        clone: The batched task.
    """

    custom_operator_name = "check"

    def __init__(self, *, clone: CloneSpec, **kwargs: Any) -> None:
        super().__init__(trigger_rule=TriggerRule.NONE_FAILED, **kwargs)
        self.clone = clone

    def execute(self, context: Any) -> None:
        """Read the states of all keys. Airflow calls this in the task's process.

        One API call for each stored chunk of the batches, and a few more.

        Raises:
            AirflowSkipException: The task that lists the keys was skipped.
            AirflowFailException: A key could not start, because an upstream clone of it failed.
        """
        from airflow_dynamic_provider.airflow_adapter import xcom
        from airflow_dynamic_provider.definitions.keys import name_keys
        from airflow_dynamic_provider.definitions.states import FAILURES
        from airflow_dynamic_provider.execution.columns.batched import BatchedColumn
        from airflow_dynamic_provider.execution.columns.reader import Reader
        from airflow_dynamic_provider.version_compat import AirflowFailException

        task_id, space = self.clone.task_id, self.clone.space
        with no_retry_after_refusal():
            reader = Reader(context, xcom.read_states(context, [task_id, space.keys_task_id]))
            keys = reader.keys(space)
            states = BatchedColumn(reader, self.clone, "").outcomes(range(len(keys)))
        stopped = [path for path, state in zip(keys, states, strict=True) if state in FAILURES]
        if stopped:
            raise AirflowFailException(
                f"{len(stopped)} of {len(keys)} keys of {task_id!r} could not start, because a clone that "
                f"they need failed: {name_keys(stopped)}. Clear that clone with its downstream tasks."
            )
