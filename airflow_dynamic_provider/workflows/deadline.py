"""The time that a workflow's whole graph may take, and that one node may."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from airflow_dynamic_provider.workflows.spec import WorkflowSpec


def seconds_left(context: Any, spec: WorkflowSpec, planned_at: float) -> float | None:
    """Return the seconds that the graph has left, ``None`` without a limit.

    They count from the start of planning; once a run that had ended is cleared, from when it started again.
    """
    if spec.timeout is None:
        return None
    run_started = context["dag_run"].start_date
    since = max(planned_at, run_started.timestamp() if run_started is not None else 0.0)
    return since + spec.timeout - time.time()


def refuse_late(context: Any, spec: WorkflowSpec, planned_at: float) -> None:
    """Fail a node for which the graph's time is over.

    Raises:
        AirflowFailException: It is over.
    """
    left = seconds_left(context, spec, planned_at)
    if left is not None and left <= 0:
        raise _too_late(spec)


@contextlib.contextmanager
def time_limit(context: Any, spec: WorkflowSpec, planned_at: float, own: timedelta | None) -> Iterator[None]:
    """Stop what runs in here when a node's own ``execution_timeout`` or the graph's time is over.

    Airflow would count the time that a node waits for others towards its ``execution_timeout``, so that is
    not given to Airflow.

    Raises:
        AirflowTaskTimeout: The node took longer than its ``execution_timeout``.
        AirflowFailException: The graph's time is over.
    """
    # Private: Airflow's own limit, for there is no public one.
    from airflow.sdk.execution_time.timeout import TimeoutPosix

    from airflow_dynamic_provider.version_compat import AirflowTaskTimeout

    whole = seconds_left(context, spec, planned_at)
    limits = [seconds for seconds in (own.total_seconds() if own else None, whole) if seconds is not None]
    if not limits:
        yield
        return
    try:
        with TimeoutPosix(max(min(limits), 0.001)):  # type: ignore[no-untyped-call]
            yield
    except AirflowTaskTimeout:
        if whole is not None and whole == min(limits):
            raise _too_late(spec) from None
        raise


def _too_late(spec: WorkflowSpec) -> Exception:
    from airflow_dynamic_provider.version_compat import AirflowFailException

    return AirflowFailException(
        f"The workflow {spec.name!r} has taken longer than its timeout of {spec.timeout:g} seconds."
    )
