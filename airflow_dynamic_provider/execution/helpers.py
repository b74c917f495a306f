"""Tasks that the package adds: their base class, those that list keys, gates, and the one that waits.

The process of each task makes all of them. What they do with many keys is in `listing` and `checking`.
"""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, TriggerRule

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.airflow_adapter.operators import EmptyOperator
from airflow_dynamic_provider.definitions.states import FAILURES, SKIPPED
from airflow_dynamic_provider.errors import DynamicOutputsError
from airflow_dynamic_provider.execution import layout
from airflow_dynamic_provider.execution.failures import keep_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_dynamic_provider.execution.clones import CloneSpec
    from airflow_dynamic_provider.execution.gates import Check
    from airflow_dynamic_provider.execution.spaces import JoinedSpace, NestedSpace

#: The minimum number of retries of a task that the package adds.
RETRIES = 3

#: The delay before a retry if the Dag's ``default_args`` set no retries.
RETRY_DELAY = timedelta(seconds=5)

#: The arguments for which the ``default_args`` of a Dag do not apply to tasks that the package adds.
HELPER_ARGUMENTS: dict[str, Any] = {
    "on_execute_callback": None,
    "on_failure_callback": None,
    "on_retry_callback": None,
    "on_skipped_callback": None,
    "on_success_callback": None,
}


class HelperOperator(BaseOperator):
    """A task that the package adds and that runs on a worker.

    It must be as reliable as the author's tasks, so it has its own retries, even if the author sets retries
    only for single tasks. The Dag's ``default_args`` can only increase their number.

    Attributes:
        default_retries: The retries of a task of the Dag that sets no number.
        default_timeout: The execution timeout of a task of the Dag that sets none.
    """

    def __init__(self, *, trigger_rule: str = TriggerRule.ALL_SUCCESS, **kwargs: Any) -> None:
        super().__init__(trigger_rule=TriggerRule.ALL_SUCCESS, **HELPER_ARGUMENTS, **kwargs)
        # Set after super(), because a Dag with `fail_fast` refuses other rules, even for helper tasks.
        self.trigger_rule = TriggerRule(trigger_rule)
        self.default_retries = self.retries or 0
        if not self.default_retries:
            self.retry_delay = RETRY_DELAY
        self.retries = max(RETRIES, self.default_retries)
        # The timeout is meant for the author's tasks.
        self.default_timeout, self.execution_timeout = self.execution_timeout, None
        keep_errors(self)


@contextlib.contextmanager
def no_retry_after_refusal() -> Iterator[None]:
    """Fail the task without a retry if the package refuses stored data. A retry would read the same data.

    Raises:
        AirflowFailException: The code in the ``with`` block raised an error of the package.
    """
    from airflow_dynamic_provider.version_compat import AirflowFailException

    try:
        yield
    except DynamicOutputsError as error:
        raise AirflowFailException(str(error)) from error


class KeysOperator(HelperOperator):
    """Returns the keys of one of several dynamic outputs.

    Airflow expands only over the return value of a task, and a task has only one. So each list needs a task
    that returns it.

    Args:
        producer_id: The producing task.
        dynamic_output: The dynamic output of the producing task.
    """

    custom_operator_name = "keys"

    def __init__(self, *, producer_id: str, dynamic_output: str, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_success", **kwargs)
        self.producer_id = producer_id
        self.dynamic_output = dynamic_output

    def execute(self, context: Any) -> Any:
        """Return the keys. Airflow calls this in the task's process. One API call."""
        return xcom.pull(context, self.producer_id, layout.keys_xcom(self.dynamic_output))


class NestedKeysOperator(HelperOperator):
    """Lists the keys that the clones of a task have produced, each below the key of its clone.

    It waits until all of them are done. It lists no keys for a clone that failed or was skipped. Readers
    take the state of such a clone into account.

    Args:
        space: The nested key space.
        clone: The cloned task that produces its keys.
    """

    custom_operator_name = "keys"

    def __init__(self, *, space: NestedSpace, clone: CloneSpec, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **kwargs)
        self.space = space
        self.clone = clone
        # Set when the keys are mapped without batches.
        self.is_expanded = False

    def execute(self, context: Any) -> list[list[str]]:
        """Return the key paths. Airflow calls this in the task's process.

        Raises:
            AirflowSkipException: The task that lists the outer keys was skipped.
            AirflowFailException: The task that lists the outer keys failed, or there are more keys than
                Airflow maps.
        """
        from airflow_dynamic_provider.execution.listing import list_nested

        with no_retry_after_refusal():
            return list_nested(context, self.task_id, self.space, self.clone, is_expanded=self.is_expanded)


class JoinedKeysOperator(HelperOperator):
    """Lists the keys of two joined key spaces.

    Args:
        space: The joined key space.
    """

    custom_operator_name = "keys"

    def __init__(self, *, space: JoinedSpace, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_success", **kwargs)
        self.space = space
        # Set when the keys are mapped without batches.
        self.is_expanded = False

    def execute(self, context: Any) -> list[list[str]]:
        """Return the key paths. Airflow calls this in the task's process.

        Raises:
            AirflowFailException: The zip is strict and a key is on one side only, or there are more keys than
                Airflow maps.
        """
        from airflow_dynamic_provider.execution.listing import list_joined

        with no_retry_after_refusal():
            return list_joined(context, self.task_id, self.space, is_expanded=self.is_expanded)


class GateOperator(HelperOperator):
    """Lets a key continue or stops it, according to the states of the clones that matter to it.

    Attributes:
        checks: The checks that it makes, collected while the Dag file is parsed.
    """

    custom_operator_name = "gate"

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trigger_rule="all_done", **kwargs)
        self.checks: list[Check] = []

    def execute(self, context: Any) -> None:
        """Succeed, fail or skip. Airflow calls this in the task's process. A failure takes priority.

        Raises:
            AirflowFailException: A clone that this key needs failed.
            AirflowSkipException: A clone that this key needs was skipped.
        """
        from airflow_dynamic_provider.execution.checking import find_reasons, read_states
        from airflow_dynamic_provider.version_compat import AirflowFailException, AirflowSkipException

        reader = read_states(context, self.checks)
        with no_retry_after_refusal():
            reasons = find_reasons(reader, self.checks)
        for states, kind in ((FAILURES, AirflowFailException), ({SKIPPED}, AirflowSkipException)):
            for state, explanation in reasons:
                if state in states:
                    raise kind(f"{explanation}.")


class DoneOperator(EmptyOperator):
    """Succeeds when all clones of a task are done, or none has failed. No worker runs it.

    Unmapped tasks wait for it if clones may fail, be skipped, or be missing. So these tasks keep the trigger
    rule that their author set.

    Args:
        rule: Its trigger rule: ``all_done`` or ``none_failed``.
    """

    custom_operator_name = "done"

    def __init__(self, *, rule: str, **kwargs: Any) -> None:
        super().__init__(trigger_rule=TriggerRule.ALL_SUCCESS, **HELPER_ARGUMENTS, **kwargs)
        # Set after super(): see `HelperOperator`.
        self.trigger_rule = TriggerRule(rule)
