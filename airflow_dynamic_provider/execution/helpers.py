"""Tasks that the package adds and that need no worker: the scheduler ends an empty operator by itself."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator

from airflow_dynamic_provider.execution import layout, xcom

#: What a Dag's ``default_args`` may say of its own tasks and must not say of those that are added to it.
HELPER_ARGUMENTS: dict[str, Any] = {
    "on_execute_callback": None,
    "on_failure_callback": None,
    "on_retry_callback": None,
    "on_skipped_callback": None,
    "on_success_callback": None,
}


class KeysOperator(EmptyOperator):
    """Holds the keys of one of several dynamic outputs, for Airflow expands only over a task's return value.

    The scheduler ends an empty operator without running it, so it costs no worker and what the producing
    task wrote into its XCom stays. ``dag.test()`` does run it, and then it fetches the keys itself.

    Args:
        producer_id: The producing task.
        dynamic_output: Its dynamic output.
    """

    custom_operator_name = "keys"

    def __init__(self, *, producer_id: str, dynamic_output: str, **kwargs: Any) -> None:
        super().__init__(**HELPER_ARGUMENTS, **kwargs)
        self.producer_id = producer_id
        self.dynamic_output = dynamic_output

    def execute(self, context: Any) -> Any:
        """Return the keys. Only ``dag.test()`` calls this."""
        return xcom.pull(context, self.producer_id, layout.keys_xcom(self.dynamic_output))


class DoneOperator(EmptyOperator):
    """Succeeds when all clones of a task are done, whatever became of them.

    A collector that takes failed clones in its stride waits for this, so that its own trigger rule stays what
    its author made it.
    """

    custom_operator_name = "done"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **HELPER_ARGUMENTS, **kwargs)
