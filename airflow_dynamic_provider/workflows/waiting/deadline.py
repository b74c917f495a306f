"""The time that a workflow's whole graph may take, and that one node may."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.workflows.waiting.leaving import failure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta
    from uuid import UUID

    from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec

# The version of UUID that begins with a time.
_VERSION_WITH_TIME = 7


def seconds_left(context: Any, spec: WorkflowSpec, planned_at: float) -> float | None:
    """Return the seconds that the graph has left for the running node, ``None`` without a limit.

    The clock is that of the machine on which the node runs. One that is ahead of the others takes as much
    from the time, and one that is behind adds as much.
    """
    if spec.timeout is None:
        return None
    return counts_from(context, planned_at) + spec.timeout - time.time()


def counts_from(context: Any, planned_at: float) -> float:
    """Return since when the graph's time counts for the running node, in seconds since the epoch.

    That is the start of planning; once a run that had ended is cleared, when it started again; for a node
    that was cleared, and what it plans, when that was done. So those that were cleared together have their
    time together, and the others keep theirs. When the run started and the node was cleared is what Airflow
    says: a planning task on a machine whose clock is behind takes nothing from the time.
    """
    run_started = context["dag_run"].start_date
    return max(
        planned_at,
        run_started.timestamp() if run_started is not None else 0.0,
        _cleared_at(context),
    )


def _cleared_at(context: Any) -> float:
    ti = context["ti"]
    # Each time it is cleared, Airflow raises the last try by as many as there were before.
    return made_at(ti.id) if ti.max_tries > context["task"].retries else 0.0


def made_at(ti_id: UUID) -> float:
    """Return when a try of a task instance was made, in seconds since the epoch; 0 if its id does not tell.

    That is when the Dag run was made, or the task instance was cleared, or retried after that. Airflow does
    not say it, but each try has an id of its own, of the version that begins with the milliseconds.
    """
    return (ti_id.int >> 80) / 1000 if ti_id.version == _VERSION_WITH_TIME else 0.0


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
    from airflow_dynamic_provider.airflow_adapter import running
    from airflow_dynamic_provider.version_compat import AirflowTaskTimeout

    whole = seconds_left(context, spec, planned_at)
    limits = [seconds for seconds in (own.total_seconds() if own else None, whole) if seconds is not None]
    if not limits:
        yield
        return
    try:
        with running.time_limit(max(min(limits), 0.001)):
            yield
    except AirflowTaskTimeout:
        if whole is not None and whole == min(limits):
            raise _too_late(spec) from None
        raise


def _too_late(spec: WorkflowSpec) -> Exception:
    return failure(
        f"The workflow {spec.name!r} has taken longer than its timeout of {spec.timeout:g} seconds."
    )
