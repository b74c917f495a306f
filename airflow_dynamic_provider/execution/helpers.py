"""Small tasks that the package adds: what holds a list of keys, and what waits for clones."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator

from airflow_dynamic_provider.execution import layout, xcom

#: What a Dag's ``default_args`` may say of its own tasks and must not say of those that are added to it.
HELPER_ARGUMENTS: dict[str, Any] = {
    "on_execute_callback": None,
    "on_failure_callback": None,
    "on_retry_callback": None,
    "on_skipped_callback": None,
    "on_success_callback": None,
}


class KeysOperator(BaseOperator):
    """Returns the keys of one of several dynamic outputs: Airflow expands only over a task's return value.

    A task has one return value, and may write no other task's. So each further list needs a task that
    returns it.

    Args:
        producer_id: The producing task.
        dynamic_output: Its dynamic output.
    """

    custom_operator_name = "keys"

    def __init__(self, *, producer_id: str, dynamic_output: str, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_success", **HELPER_ARGUMENTS, **kwargs)
        self.producer_id = producer_id
        self.dynamic_output = dynamic_output

    def execute(self, context: Any) -> Any:
        """Return the keys. Airflow calls this in the task's process. One API call."""
        return xcom.pull(context, self.producer_id, layout.keys_xcom(self.dynamic_output))


class DoneOperator(EmptyOperator):
    """Succeeds when all clones of a task are done, whatever became of them. The scheduler ends it by itself.

    A collector that takes failed clones in its stride waits for this, so that its own trigger rule stays what
    its author made it.
    """

    custom_operator_name = "done"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **HELPER_ARGUMENTS, **kwargs)
