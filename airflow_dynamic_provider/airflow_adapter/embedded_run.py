"""The environment that ``dag.test()`` needs: a database, logging, the Dag's file, and a listener.

The process of an embedded run uses it: a Dag file that a developer runs as a program. ``dag.test()`` is
public, but it expects this environment, and `airflow.sdk` has no way to set it up.
"""

from __future__ import annotations

import functools
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from airflow_dynamic_provider.version_compat import KEEPS_EXECUTION_API, listener_manager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from airflow.sdk import DAG

__all__ = [
    "LOGGING_LEVEL",
    "configure_logging",
    "hookimpl",
    "listening",
    "migrate_database",
    "one_execution_api",
    "options_for_only",
    "store_dag",
    "use_database",
]

#: The environment variable for the level of Airflow's log.
LOGGING_LEVEL = "AIRFLOW__LOGGING__LOGGING_LEVEL"

#: The name of Airflow's default bundle. Runs and Dags are stored with it.
_BUNDLE = "dags-folder"


def migrate_database() -> None:
    """Create the metadata database, or upgrade it."""
    from airflow.utils.db import initdb

    initdb()


def use_database(folder: Path) -> None:
    """Keep the metadata database and the logs of this process in a folder.

    Airflow reads ``AIRFLOW_HOME`` only when it is imported, and these options whenever it is configured.
    """
    from airflow import settings

    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{folder / 'airflow.db'}"
    os.environ["AIRFLOW__LOGGING__BASE_LOG_FOLDER"] = str(folder / "logs")
    settings.configure_vars()  # type: ignore[no-untyped-call, unused-ignore]
    settings.configure_orm()  # type: ignore[no-untyped-call, unused-ignore]


def store_dag(dag: DAG) -> None:
    """Store a Dag in the database, as Airflow does after it has read a Dag file."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session

    # A task that ends in the triggerer needs a relative path.
    dag.relative_fileloc = dag.relative_fileloc or "dag.py"
    dag.validate()  # type: ignore[no-untyped-call, unused-ignore]
    with create_session() as session:
        DagBundlesManager().sync_bundles_to_db(session=session)  # type: ignore[no-untyped-call, unused-ignore]
        session.commit()
        update_dag_parsing_results_in_db(
            _BUNDLE, None, [LazyDeserializedDAG.from_dag(dag)], {}, None, set(), session=session
        )


def configure_logging() -> None:
    """Configure Airflow's logging again, because Airflow reads its options only when it is imported."""
    from airflow.logging_config import configure_logging as configure

    configure()  # type: ignore[no-untyped-call, unused-ignore]


def options_for_only(file: Path) -> dict[str, str]:
    """Return the environment variables with which Airflow imports one Dag file and no other.

    Without them, Airflow would import all files of the Dag's folder, and run a script next to the file.
    """
    # Not [core] dags_folder, because Airflow has already read it, when it was imported.
    bundle = {
        "name": _BUNDLE,
        "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
        "kwargs": {"path": str(file)},
    }
    return {
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps([bundle]),
    }


@contextmanager
def listening(listener: Any) -> Iterator[None]:
    """Have Airflow call the listener's hooks in this process, where the tasks of ``dag.test()`` run."""
    manager = listener_manager()
    manager.add_listener(listener)
    try:
        yield
    finally:
        manager.pm.unregister(listener)


@contextmanager
def one_execution_api() -> Iterator[None]:
    """Make ``dag.test()`` use one web application for all task instances, as Airflow 3.3 does by itself.

    Up to Airflow 3.2, it builds one for each task instance, which takes seconds and leaves a thread behind.
    """
    if KEEPS_EXECUTION_API:
        yield
        return
    # Private: there is no public way to have one application for all.
    from airflow.sdk.execution_time import supervisor

    build = supervisor.in_process_api_server
    supervisor.in_process_api_server = functools.cache(build)
    try:
        yield
    finally:
        supervisor.in_process_api_server = build
