"""Turns what was read into what the routes answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.runs import name_of_state
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.ui import models

if TYPE_CHECKING:
    from airflow_dynamic_provider.airflow_adapter.models import DagRun
    from airflow_dynamic_provider.database import cells, matrix, structure
    from airflow_dynamic_provider.database.instances import Instance

# The states of a Dag run in which something may still change.
_RUNNING = frozenset({"queued", "running"})


def is_running(dag_run: DagRun) -> bool:
    """Return whether a run has not ended."""
    return name_of_state(dag_run.state) in _RUNNING


def present_run(dag_run: DagRun) -> models.Run:
    """Return a Dag run."""
    return models.Run(
        dag_id=dag_run.dag_id,
        run_id=dag_run.run_id,
        state=name_of_state(dag_run.state),
        logical_date=dag_run.logical_date,
        start_date=dag_run.start_date,
        end_date=dag_run.end_date,
    )


def present_columns(info: structure.SpaceInfo) -> list[models.Column]:
    """Return the tasks that are cloned for the keys of a space."""
    return [models.Column(task_id=column.task_id, label=column.label) for column in info.columns]


def present_space(info: structure.SpaceInfo) -> models.Space:
    """Return a key space."""
    return models.Space(
        of=info.of,
        name=info.name,
        kind=info.kind,  # type: ignore[arg-type]
        depth=info.space.depth,
        producer=info.producer_id,
        output=info.output,
        description=info.description,
        lister=info.lister_id,
        columns=present_columns(info),
    )


def present_instance(instance: Instance) -> models.TaskInstance:
    """Return a task instance."""
    return models.TaskInstance(
        task_id=instance.task_id,
        map_index=instance.map_index,
        state=instance.state,
        try_number=instance.try_number,
        duration=instance.duration,
        start_date=instance.start_date,
        end_date=instance.end_date,
    )


def present_cell(cell: cells.Cell | None) -> models.Cell | None:
    """Return a cell of a matrix."""
    if cell is None:
        return None
    facts = {**dict(present_instance(cell.instance)), "state": cell.state}
    return models.Cell(**facts, is_stale=cell.is_stale)


def present_row(row: matrix.Row) -> models.Row:
    """Return a row of a matrix."""
    return models.Row(
        key_path=list(row.key_path),
        key=render_key(row.key_path),
        state=row.state,
        duration=row.duration,
        position=row.position,
        children=row.children,
        counts=dict(row.counts),
        cells={task_id: present_cell(cell) for task_id, cell in row.cells.items()},
    )


def present_past(cell: cells.Cell | None) -> models.PastState | None:
    """Return what became of a key in one run."""
    if cell is None:
        return None
    instance = cell.instance
    return models.PastState(state=cell.state, task_id=instance.task_id, map_index=instance.map_index)
