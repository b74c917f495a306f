"""Loads what tasks need into a process that forks them, before it forks: each task then begins warm.

Airflow forks a process for each task, and each of them imports what the Dag file imports. What the process
that forks has loaded already, none of them imports again: this package, and what Airflow itself needs to run
any task. So tasks of Dags without this package begin faster too.

It happens in the scheduler, where it runs tasks itself (`LocalExecutor`), in a Celery worker, and in the Dag
processor. Nowhere else: commands, API servers and pods start as fast as before. A process that has loaded the
package keeps the release that it has loaded, as it does Airflow's own: restart schedulers and workers after
an upgrade. ``[dynamic_outputs] preload = False`` turns it off.

Where neither is there, such as in a Celery worker of Airflow 3.1, ``airflow_local_settings.py`` can do it::

    from airflow_dynamic_provider.preloading import preload

    preload()
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The folders of the package that Dag files and tasks import from.
_FOLDERS = ("airflow_adapter", "authoring", "definitions", "execution", "workflows")

#: Modules of these folders that only servers, databases and commands need.
_NOT_IN_TASKS = frozenset(
    f"airflow_adapter.{name}"
    for name in ("commands", "embedded_run", "models", "parents", "plugins", "server", "terminal")
)

#: What a task's process imports of Airflow and its libraries, whichever Dag the task is of.
_OF_AIRFLOW = (
    "airflow.dag_processing.dagbag",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.python",
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.execution_time.task_runner",
    "airflow.timetables.base",
    "airflow.timetables.simple",
    "croniter",
    "jinja2.ext",
    "jinja2.nativetypes",
    "jinja2.sandbox",
)

_DONE = False


def preload() -> None:
    """Import what tasks need, unless ``[dynamic_outputs] preload`` is off. Further calls do nothing.

    A module that is not there, or cannot be imported, is left to the task that needs it.

    Example:
        >>> preload()
    """
    global _DONE
    from airflow_dynamic_provider.airflow_adapter.configuration import conf

    if _DONE or not conf.getboolean("dynamic_outputs", "preload", fallback=True):
        return
    _DONE = True
    for module in (*_OF_AIRFLOW, *_own_modules()):
        with contextlib.suppress(Exception):
            importlib.import_module(module)


def _own_modules() -> Iterator[str]:
    package = importlib.import_module(__name__.rpartition(".")[0])
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        name = found.name.removeprefix(f"{package.__name__}.")
        if name.split(".")[0] in _FOLDERS and name not in _NOT_IN_TASKS:
            yield found.name
