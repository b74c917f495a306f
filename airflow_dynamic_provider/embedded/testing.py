"""Runs one Dag in the process of a test, and prints nothing."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.embedded_run import (
    listening,
    migrate_database,
    one_execution_api,
    store_dag,
    use_database,
)
from airflow_dynamic_provider.embedded.options import only_file, turned_down_logging
from airflow_dynamic_provider.embedded.reading import read_task_instances
from airflow_dynamic_provider.embedded.results import EmbeddedRun
from airflow_dynamic_provider.embedded.watching import ErrorsKept

if TYPE_CHECKING:
    from airflow.sdk import DAG


def run_in_test(dag: DAG, *, conf: dict[str, Any] | None = None) -> EmbeddedRun:
    """Run a Dag to its end in this process, and return its results. Airflow imports no Dag file.

    The metadata database is that of ``AIRFLOW_HOME``. If this variable is not set, all such runs of this
    process share a temporary database, which is removed at its end.

    Args:
        dag: The Dag.
        conf: The configuration of the run, which overrides the Dag's params.

    Returns:
        The state of the run, and of each task instance with its results, its metadata and its error.

    Example:
        >>> finished = run_in_test(process_directory())
        >>> finished.result("summarize")
    """
    kept = ErrorsKept(dag.dag_id)
    with turned_down_logging(), only_file(_ensure_database()), listening(kept), one_execution_api():
        store_dag(dag)
        started = time.monotonic()
        dag_run = dag.test(run_conf=conf)
    seconds = time.monotonic() - started
    task_instances = tuple(read_task_instances(dag.dag_id, dag_run.run_id, kept.errors))
    return EmbeddedRun(dag.dag_id, dag_run.run_id, str(dag_run.state), seconds, task_instances)


@functools.cache
def _ensure_database() -> Path:
    """Create or migrate the database, once in each process, and return an empty Dag folder."""
    folder = Path(tempfile.mkdtemp(prefix="airflow-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if "AIRFLOW_HOME" not in os.environ:
        use_database(folder)
    migrate_database()
    dags = folder / "dags"
    dags.mkdir()
    return dags
