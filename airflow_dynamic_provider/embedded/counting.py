"""Counts how much of an embedded run has ended: each task instance, and each key of a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.authoring.dag_graphs import ensure_graph_of
from airflow_dynamic_provider.definitions.states import FINAL

if TYPE_CHECKING:
    from collections.abc import Collection

    from airflow.sdk import DAG
    from sqlalchemy.orm import Session


def batched_tasks(dag: DAG) -> frozenset[str]:
    """Return the tasks of the author that run many keys in one task instance."""
    graph = ensure_graph_of(dag)
    return frozenset(each for each, clone in graph.clones.items() if clone.cut) - graph.gate_ids


def count_done(dag_id: str, run_id: str, batched_ids: Collection[str]) -> tuple[int, int]:
    """Return how many keys and tasks of a run have ended, and how many are known.

    A task instance counts as one. The task instance of a batch counts as its keys, as soon as they are known.

    Args:
        dag_id: The Dag.
        run_id: The run.
        batched_ids: The tasks that run many keys in one task instance.
    """
    from airflow_dynamic_provider.airflow_adapter.models import create_session

    with create_session() as session:
        in_batches = _count_in_batches(session, dag_id, run_id) if batched_ids else {}
        counts = [*in_batches.values(), _count_task_instances(session, dag_id, run_id, in_batches)]
    return sum(done for done, _ in counts), sum(total for _, total in counts)


def _count_task_instances(
    session: Session, dag_id: str, run_id: str, without: Collection[str]
) -> tuple[int, int]:
    from sqlalchemy import func, select

    from airflow_dynamic_provider.airflow_adapter.models import TaskInstance

    query = select(TaskInstance.state, func.count()).where(
        TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id, TaskInstance.task_id.not_in(without)
    )
    counts = [(state, count) for state, count in session.execute(query.group_by(TaskInstance.state))]
    return sum(count for state, count in counts if state in FINAL), sum(count for _, count in counts)


def _count_in_batches(session: Session, dag_id: str, run_id: str) -> dict[str, tuple[int, int]]:
    """Return batched task -> how many of its keys have ended, and how many there are, as pages show it."""
    from airflow_dynamic_provider.database.runs import open_run
    from airflow_dynamic_provider.database.task_progress import read_progress, watched_matrix

    run = open_run(session, dag_id, run_id)
    found = {}
    for info in run.structure.spaces.values():
        if info.batched:
            for task_id, progress in read_progress(run, watched_matrix(run, info)).items():
                if task_id in info.batched:
                    found[task_id] = (progress.done + progress.failed, progress.total)
    return found
