"""The environment that ``dag.test()`` needs: a database, logging, the Dag's file, and a listener.

The process of an embedded run uses it: a Dag file that a developer runs as a program. ``dag.test()`` is
public, but it expects this environment, and `airflow.sdk` has no way to set it up.
"""

from __future__ import annotations

import functools
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

from airflow_dynamic_provider.version_compat import KEEPS_EXECUTION_API, listener_manager

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "LOGGING_LEVEL",
    "configure_logging",
    "hookimpl",
    "listening",
    "migrate_database",
    "one_execution_api",
    "options_for_only",
]

#: The environment variable for the level of Airflow's log.
LOGGING_LEVEL = "AIRFLOW__LOGGING__LOGGING_LEVEL"

#: The name of Airflow's default bundle. Runs and Dags are stored with it.
_BUNDLE = "dags-folder"


def migrate_database() -> None:
    """Create the metadata database, or upgrade it."""
    from airflow.utils.db import initdb

    initdb()


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
