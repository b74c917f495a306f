"""Time limits: for the whole graph of a workflow, and for one node."""

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

# The UUID version that begins with a timestamp.
_VERSION_WITH_TIME = 7


def seconds_left(context: Any, spec: WorkflowSpec, planned_at: float) -> float | None:
    """Return how many seconds the graph has left for the running node, ``None`` without a limit.

    The clock is that of the machine on which the node runs. If it is ahead of the others, the time is shorter
    by the difference. If it is behind, the time is longer.
    """
    if spec.timeout is None:
        return None
    return counts_from(context, planned_at) + spec.timeout - time.time()


def counts_from(context: Any, planned_at: float) -> float:
    """Return when the graph's time starts for the running node, in seconds since the epoch.

    The time starts when planning starts. If a finished run was cleared, it starts when the run started again.
    For a node that was cleared, and for the nodes that it plans, it starts when the node was cleared. So
    nodes that are cleared together share their time, and the other nodes keep theirs. The start of the run
    and the clearing are times from Airflow, so a planning task on a machine whose clock is behind takes
    nothing from the time.
    """
    run_started = context["dag_run"].start_date
    return max(
        planned_at,
        run_started.timestamp() if run_started is not None else 0.0,
        _cleared_at(context),
    )


def _cleared_at(context: Any) -> float:
    ti = context["ti"]
    # Each time a task instance is cleared, Airflow adds the number of earlier tries to ``max_tries``.
    return made_at(ti.id) if ti.max_tries > context["task"].retries else 0.0


def made_at(ti_id: UUID) -> float:
    """Return when a try of a task instance was created, in seconds since the epoch; 0 if it is unknown.

    A try is created when the Dag run is created, when the task instance is cleared, and at each retry after
    that. Airflow does not expose this time, but each try has its own id, of the UUID version that begins with
    the milliseconds.
    """
    return (ti_id.int >> 80) / 1000 if ti_id.version == _VERSION_WITH_TIME else 0.0


def refuse_late(context: Any, spec: WorkflowSpec, planned_at: float) -> None:
    """Fail the running node if the graph's time is over.

    Raises:
        AirflowFailException: The graph's time is over.
    """
    left = seconds_left(context, spec, planned_at)
    if left is not None and left <= 0:
        raise _too_late(spec)


@contextlib.contextmanager
def time_limit(context: Any, spec: WorkflowSpec, planned_at: float, own: timedelta | None) -> Iterator[None]:
    """Stop the code inside the block when the node's ``execution_timeout`` or the graph's time is over.

    Airflow's own ``execution_timeout`` is not set, because it would include the time that a node waits for
    others.

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
