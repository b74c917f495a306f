"""The operators of the tasks that the package adds itself. Apart, for few Dags need them."""

from __future__ import annotations

from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator

from airflow_dynamic_provider.execution import layout, xcom


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
        super().__init__(**kwargs)
        self.producer_id = producer_id
        self.dynamic_output = dynamic_output

    def execute(self, context: Any) -> Any:
        """Return the keys. Only ``dag.test()`` calls this."""
        return xcom.pull(context, self.producer_id, layout.keys_xcom(self.dynamic_output))


class KeyGateOperator(BaseOperator):
    """Waits for all clones of a task, then passes on what became of its own key's clone.

    It stands between two mapped groups, where Airflow knows no dependency key by key.

    Args:
        upstream_id: The task to wait for.
    """

    custom_operator_name = "gate"

    def __init__(self, *, upstream_id: str, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **kwargs)
        self.upstream_id = upstream_id

    def execute(self, context: Any) -> None:
        """Succeed, skip or fail as this key's clone did. Airflow calls this in the task's process."""
        from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

        state = xcom.read_states(context, [self.upstream_id]).get(
            (self.upstream_id, xcom.map_index_of(context))
        )
        if state == "skipped":
            raise AirflowSkipException(f"{self.upstream_id!r} was skipped for this key.")
        if state != "success":
            raise AirflowFailException(f"{self.upstream_id!r} is {state} for this key.")
