"""Runs one Dag in this process: Airflow's ``dag.test()`` with a home, a database and a progress line."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.embedded_run import (
    listening,
    migrate_database,
    one_execution_api,
)
from airflow_dynamic_provider.embedded.batched import read_keys_in_batches
from airflow_dynamic_provider.embedded.home import home
from airflow_dynamic_provider.embedded.options import only_file, turned_down_logging
from airflow_dynamic_provider.embedded.printing import Printer
from airflow_dynamic_provider.embedded.reading import read_task_instances
from airflow_dynamic_provider.embedded.results import EmbeddedRun
from airflow_dynamic_provider.embedded.watching import Progress, Watcher

if TYPE_CHECKING:
    from airflow.sdk import DAG


def run(dag: DAG, *, conf: dict[str, Any] | None = None) -> EmbeddedRun:
    """Run a Dag to its end in this process, and print its results.

    The metadata database is that of ``AIRFLOW_HOME``. It is created or migrated first. Without
    ``AIRFLOW_HOME``, the program restarts with a temporary home, which is removed at the end. Airflow imports
    the Dag's file only, and no other file of its folder.

    Airflow logs nothing during the run. Set ``AIRFLOW__LOGGING__LOGGING_LEVEL`` to see its log. A table shows
    20 keys, the failed ones first. Set ``DYNAMIC_OUTPUTS_ALL_KEYS=1`` to see all of them.

    Args:
        dag: The Dag.
        conf: The configuration of the run, which overrides the Dag's params.

    Returns:
        The state of the run, and of each task instance with its results, its metadata and its error.

    Raises:
        RuntimeError: ``AIRFLOW_HOME`` is not set, and the Dag's file is not the program that runs.
    """
    with home(dag), turned_down_logging(), only_file(Path(dag.fileloc).resolve()):
        progress = Progress(sys.stderr)
        progress.show("preparing the metadata database")
        migrate_database()
        watcher = Watcher(dag, progress)
        started = time.monotonic()
        with listening(watcher), watcher.watching_batches(), one_execution_api():
            dag_run = dag.test(run_conf=conf)
        progress.clear()
        seconds = time.monotonic() - started
        task_instances = tuple(read_task_instances(dag.dag_id, dag_run.run_id, watcher.errors))
        in_batches = read_keys_in_batches(dag.dag_id, dag_run.run_id)
    state = str(dag_run.state)
    finished = EmbeddedRun(dag.dag_id, dag_run.run_id, state, seconds, task_instances, in_batches)
    Printer(dag).print_run(finished)
    return finished
