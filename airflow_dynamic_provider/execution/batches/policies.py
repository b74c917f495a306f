"""Applies the task's ``retry_policy`` to each key of a batch. Only tasks with such a policy import this."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import RetryDecision, RetryPolicy

from airflow_dynamic_provider.airflow_adapter import xcom
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import KeysFailedError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

log = logging.getLogger(__name__)


class Verdict(Record):
    """What the policy decided about a key that failed.

    Attributes:
        action: ``"retry"``, ``"fail"`` or ``"default"``.
        delay: How long to wait before the retry, in seconds; ``None`` for the delay of the task.
        reason: The reason, if the policy gave one.
    """

    action: str
    delay: float | None = None
    reason: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether a retry leaves the key as it is."""
        return self.action == "fail"


class Judge(Record):
    """Asks the author's policy about keys, in whichever process they fail.

    Attributes:
        policy: The author's policy.
        try_number: The try of the task instance.
        max_tries: Its maximum number of tries.
    """

    policy: RetryPolicy
    try_number: int
    max_tries: int

    def judge(self, error: Exception, context: Mapping[str, Any]) -> Verdict:
        """Return what the policy decides about an error. A policy that fails itself decides nothing."""
        try:
            decision = self.policy.evaluate(
                exception=error,
                try_number=self.try_number,
                max_tries=self.max_tries,
                context=context,  # type: ignore[arg-type]
            )
            delay = None if decision.retry_delay is None else decision.retry_delay.total_seconds()
            return Verdict(decision.action.value, delay, decision.reason)
        except Exception:
            log.exception("The retry policy failed for the key %r", context.get("mapping_key"))
            return Verdict("default")


class BatchRetryPolicy(RetryPolicy):
    """The policy of a batched task. It stands in the place of the author's, which was asked about each key.

    Args:
        author: The author's policy.
    """

    def __init__(self, author: RetryPolicy) -> None:
        self.author = author

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Any = None
    ) -> RetryDecision:
        """Return how the task instance is retried. Airflow calls this when it has failed.

        The author's policy decides about an error that is not that of a key.
        """
        if isinstance(exception, KeysFailedError):
            decision: RetryDecision = exception.decision or RetryDecision.default()
            return decision
        return self.author.evaluate(exception, try_number, max_tries, context)

    def judge_of(self, context: Mapping[str, Any]) -> Judge:
        """Return what asks the author's policy in a try of a task instance."""
        return Judge(self.author, xcom.attempt_of(context), xcom.max_tries_of(context))


def decide(verdicts: Collection[Verdict]) -> RetryDecision:
    """Return how a task instance is retried whose failed keys the policy judged.

    It waits as long as the policy wants for any of the keys.
    """
    retried = [verdict for verdict in verdicts if verdict.action == "retry"]
    if not retried:
        return RetryDecision.default()
    delays = [verdict.delay for verdict in retried if verdict.delay is not None]
    reasons = dict.fromkeys(verdict.reason for verdict in retried if verdict.reason)
    return RetryDecision.retry(
        timedelta(seconds=max(delays)) if delays else None, "; ".join(reasons) if reasons else None
    )
