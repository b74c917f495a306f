"""Runs one Dag in this process, without any service, and prints what each key produced.

It is made for the ``__main__`` block of a Dag file, so that ``python my_dag.py`` runs it::

    if __name__ == "__main__":
        sys.exit(run(my_dag()).exit_status)

Airflow's ``dag.test()`` does the work. This package provides a home and a database, shows the progress, and
reads the results of the task instances from the database.
"""

from __future__ import annotations

from airflow_dynamic_provider.airflow_adapter.embedded_run import one_execution_api
from airflow_dynamic_provider.embedded.results import EmbeddedRun, EmbeddedTaskInstance
from airflow_dynamic_provider.embedded.running import run
from airflow_dynamic_provider.embedded.testing import run_in_test

__all__ = ["EmbeddedRun", "EmbeddedTaskInstance", "one_execution_api", "run", "run_in_test"]
