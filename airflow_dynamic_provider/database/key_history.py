"""One key over the last runs of a Dag: its state and its duration in each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_dynamic_provider.database.cells import Summary

if TYPE_CHECKING:
    from airflow_dynamic_provider.database.history import History, PastRun
    from airflow_dynamic_provider.execution.spaces import KeyPath


def read_key_history(history: History, path: KeyPath) -> list[Summary | None]:
    """Return the state and the seconds of a key in each run; ``None`` where a run has no such key.

    Args:
        history: The runs.
        path: The key.
    """
    return [_summary(run, path) for run in history.runs]


def _summary(run: PastRun, path: KeyPath) -> Summary | None:
    if run.matrix is None or (position := run.matrix.keys.positions.get(path)) is None:
        return None
    (row,) = run.matrix.rows([position])
    return Summary(row.state, row.duration)
