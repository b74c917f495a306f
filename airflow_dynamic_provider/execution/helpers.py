"""Tasks that the package adds: what all have in common, what returns keys, and what waits for clones."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, TriggerRule

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.operators import EmptyOperator
from airflow_dynamic_provider.errors import DynamicOutputsError
from airflow_dynamic_provider.execution import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

#: How often a task that the package adds is retried at least.
RETRIES = 3

#: How long it waits before that, where the Dag's ``default_args`` say nothing of retries.
RETRY_DELAY = timedelta(seconds=5)

#: What a Dag's ``default_args`` may say of its own tasks and must not say of those that are added to it.
HELPER_ARGUMENTS: dict[str, Any] = {
    "on_execute_callback": None,
    "on_failure_callback": None,
    "on_retry_callback": None,
    "on_skipped_callback": None,
    "on_success_callback": None,
}


class HelperOperator(BaseOperator):
    """A task that the package adds and that runs on a worker.

    It survives what the author's tasks survive: it has retries of its own, which matter where the author gave
    retries to single tasks and not to the Dag. The Dag's ``default_args`` may only give it more.

    Attributes:
        default_retries: The retries that a task of the Dag has that does not say how many.
        default_timeout: How long a task of the Dag may run that does not say it.
    """

    def __init__(self, *, trigger_rule: str = TriggerRule.ALL_SUCCESS, **kwargs: Any) -> None:
        super().__init__(trigger_rule=TriggerRule.ALL_SUCCESS, **HELPER_ARGUMENTS, **kwargs)
        # Only now: a Dag with `fail_fast` refuses tasks with other rules, which is meant for its author's.
        self.trigger_rule = TriggerRule(trigger_rule)
        self.default_retries = self.retries or 0
        if not self.default_retries:
            self.retry_delay = RETRY_DELAY
        self.retries = max(RETRIES, self.default_retries)
        # It is meant for the author's work.
        self.default_timeout, self.execution_timeout = self.execution_timeout, None


@contextlib.contextmanager
def no_retry_after_refusal() -> Iterator[None]:
    """End the task for good when the package refuses what it reads: a retry would read the same.

    Raises:
        AirflowFailException: In place of an error of the package.
    """
    from airflow_dynamic_provider.version_compat import AirflowFailException

    try:
        yield
    except DynamicOutputsError as error:
        raise AirflowFailException(str(error)) from error


class KeysOperator(HelperOperator):
    """Returns the keys of one of several dynamic outputs: Airflow expands only over a task's return value.

    A task has one return value, and may write no other task's. So each further list needs a task that
    returns it.

    Args:
        producer_id: The producing task.
        dynamic_output: Its dynamic output.
    """

    custom_operator_name = "keys"

    def __init__(self, *, producer_id: str, dynamic_output: str, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_success", **kwargs)
        self.producer_id = producer_id
        self.dynamic_output = dynamic_output

    def execute(self, context: Any) -> Any:
        """Return the keys. Airflow calls this in the task's process. One API call."""
        return xcom.pull(context, self.producer_id, layout.keys_xcom(self.dynamic_output))


class DoneOperator(EmptyOperator):
    """Succeeds when all clones of a task are done, or none has failed. The scheduler ends it by itself.

    Tasks that run once wait for it where clones may fail, or be skipped, or not be there at all, so that
    their own trigger rule stays what their author made it.

    Args:
        rule: Its trigger rule: ``all_done`` or ``none_failed``.
    """

    custom_operator_name = "done"

    def __init__(self, *, rule: str, **kwargs: Any) -> None:
        super().__init__(trigger_rule=TriggerRule.ALL_SUCCESS, **HELPER_ARGUMENTS, **kwargs)
        # Only now: see `HelperOperator`.
        self.trigger_rule = TriggerRule(rule)
