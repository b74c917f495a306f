"""Retry policies."""

from __future__ import annotations

import enum
from datetime import timedelta
from typing import Any

from airflow_dynamic_provider.dags_from.dagster.errors import DagsterInvalidDefinitionError
from airflow_dynamic_provider.dags_from.dagster.unsupported import require


class Backoff(enum.Enum):
    """How the delay grows from retry to retry."""

    LINEAR = "LINEAR"
    EXPONENTIAL = "EXPONENTIAL"


class Jitter(enum.Enum):
    """How the delay varies. Airflow decides by itself, so it only is accepted with exponential delays."""

    FULL = "FULL"
    PLUS_MINUS = "PLUS_MINUS"


class RetryPolicy:
    """How often an op is run again after an error, and when.

    Args:
        max_retries: How often at most.
        delay: The seconds before a retry.
        backoff: How the delay grows. Airflow has no linear growth.
        jitter: How the delay varies.
    """

    def __init__(
        self,
        max_retries: int = 1,
        delay: float | None = None,
        backoff: Backoff | None = None,
        jitter: Jitter | None = None,
    ) -> None:
        require(max_retries, int, "RetryPolicy(max_retries=)")
        require(delay, (int, float), "RetryPolicy(delay=)")
        require(backoff, Backoff, "RetryPolicy(backoff=)")
        require(jitter, Jitter, "RetryPolicy(jitter=)")
        if delay is None and (backoff or jitter):
            raise DagsterInvalidDefinitionError(
                "a retry policy has backoff= or jitter= and no delay=", remedy="Pass delay=."
            )
        if backoff is Backoff.LINEAR or (jitter is not None and backoff is not Backoff.EXPONENTIAL):
            raise DagsterInvalidDefinitionError(
                f"a retry policy has backoff={backoff} and jitter={jitter}; Airflow's delays are constant or "
                "grow exponentially, the latter with a jitter of its own",
                remedy="Use Backoff.EXPONENTIAL, or only delay=.",
            )
        self.max_retries = max_retries
        self.delay = delay
        self.backoff = backoff
        self.jitter = jitter

    def arguments(self) -> dict[str, Any]:
        """Return the policy as arguments of a task."""
        return {
            "retries": self.max_retries,
            "retry_delay": timedelta(seconds=self.delay or 0),
            "retry_exponential_backoff": self.backoff is Backoff.EXPONENTIAL,
        }
