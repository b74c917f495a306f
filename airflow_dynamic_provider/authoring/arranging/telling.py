"""Has clones store what a task that asks for their outcomes needs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.execution.failures import call_first
from airflow_dynamic_provider.execution.outcomes.skips import store_skip
from airflow_dynamic_provider.execution.sources import state_task_ids

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.model.dag_graph import DagGraph
    from airflow_dynamic_provider.execution.sources import Source


def tell_outcomes(graph: DagGraph, source: Source) -> None:
    """Have the clones that a source depends on store their tries and durations.

    A batch stores them anyway, and a clone stores its errors.
    """
    for task_id in sorted(state_task_ids(source)):
        clone = graph.clones[task_id]
        if clone.spec.batches is None and not clone.spec.tells_outcomes:
            clone.spec.tells_outcomes = True
            call_first(clone.operator, "on_skipped_callback", store_skip)
