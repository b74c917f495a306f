"""Converts data from the database into the responses of the routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel

from airflow_dynamic_provider.database.runs import name_of_state
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.ui import models

if TYPE_CHECKING:
    from airflow_dynamic_provider.airflow_adapter.models import DagRun
    from airflow_dynamic_provider.database import cells, matrix, structure
    from airflow_dynamic_provider.database.progress import Progress

ModelT = TypeVar("ModelT", bound=BaseModel)

# The states of a Dag run that may still change.
_RUNNING = frozenset({"queued", "running"})

_MISSING = object()

#: The number of characters of an error that a cell has. There may be hundreds of cells.
LONGEST_ERROR = 500


def present(model: type[ModelT], *sources: object, **facts: Any) -> ModelT:
    """Return a model whose fields are read from other objects.

    Args:
        model: The class of the model.
        *sources: The objects to read from. The first one with an attribute of a field's name provides it.
        **facts: The fields that no source has under that name, or that differ from it.

    Raises:
        ValidationError: A field is missing, or has another type.
    """
    for name in model.model_fields.keys() - facts.keys():
        found = (getattr(source, name, _MISSING) for source in sources)
        value = next((each for each in found if each is not _MISSING), _MISSING)
        if value is not _MISSING:
            facts[name] = value
    return model(**facts)


def is_running(dag_run: DagRun) -> bool:
    """Return whether a run has not ended."""
    return name_of_state(dag_run.state) in _RUNNING


def present_run(dag_run: DagRun) -> models.Run:
    """Return a Dag run."""
    return present(models.Run, dag_run, state=name_of_state(dag_run.state))


def present_columns(info: structure.SpaceInfo) -> list[models.Column]:
    """Return the tasks that are cloned for the keys of a space."""
    return [present(models.Column, column) for column in info.columns]


def present_space(info: structure.SpaceInfo) -> models.Space:
    """Return a key space."""
    return present(
        models.Space,
        info,
        depth=info.space.depth,
        producer=info.producer_id,
        lister=info.lister_id,
        columns=present_columns(info),
    )


def present_cell(cell: cells.Cell | None) -> models.Cell | None:
    """Return a cell of a matrix."""
    # The state is that of the cell: a task instance that ran for another key has the state of that key.
    if cell is None:
        return None
    error = None if cell.error is None else cell.error[:LONGEST_ERROR]
    return present(models.Cell, cell, cell.instance, error=error)


def present_row(row: matrix.Row, metadatum: Any = None) -> models.Row:
    """Return a row of a matrix, with the value of the metadata entry that was asked for."""
    return present(
        models.Row,
        row,
        key_path=list(row.key_path),
        key=render_key(row.key_path),
        counts=dict(row.counts),
        metadatum=metadatum,
        cells={task_id: present_cell(cell) for task_id, cell in row.cells.items()},
    )


def present_progress(task_id: str, progress: Progress) -> models.TaskProgress:
    """Return how far the keys of a task are."""
    pace = None if progress.seconds_left is None else progress.pace
    return present(
        models.TaskProgress,
        progress,
        task_id=task_id,
        rate=None if pace is None else pace.rate,
        basis=None if pace is None else pace.basis,
    )


def present_past(cell: cells.Cell | None) -> models.PastState | None:
    """Return the state of a key in one run."""
    return None if cell is None else present(models.PastState, cell, cell.instance)
