"""Imports what tasks need in a process that forks them, before it forks. Each task then starts faster.

Airflow forks a process for each task, and each of these processes imports what the Dag file imports. A task's
process does not import again what its parent has loaded: this package, and what Airflow needs to run any
task. Nor does it compute again what its parent has computed (see `rehearsal`). So tasks of Dags without this
package start faster too.

Three kinds of processes preload: a scheduler with the `LocalExecutor`, a Celery worker, and the Dag
processor. Commands, API servers and pods start as fast as before. A process keeps the release that it has
loaded, so restart schedulers and workers after an upgrade. ``[dynamic_outputs] preload = False`` turns
preloading off.

A Celery worker of Airflow 3.1 does not preload by itself. There, ``airflow_local_settings.py`` can do it::

    from airflow_dynamic_provider.preloading import preload

    preload()
"""

from __future__ import annotations

import contextlib
import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The folders of the package that Dag files and tasks import from.
_FOLDERS = ("airflow_adapter", "authoring", "definitions", "execution", "workflows")

#: Modules of these folders that only servers, databases and commands need.
_NOT_IN_TASKS = frozenset(
    f"airflow_adapter.{name}"
    for name in ("audit_log", "commands", "embedded_run", "models", "parents", "server", "terminal")
)

#: The plugins of the package, which every process of a task loads. A Celery worker itself loads no plugins.
_PLUGINS = ("preloading.plugin", "ui.plugin")

#: The modules of Airflow and its libraries that the process of any task imports.
_OF_AIRFLOW = (
    "airflow.dag_processing.bundles.local",
    "airflow.dag_processing.dagbag",
    "airflow.providers.standard.decorators.python",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.python",
    "airflow.sdk.definitions.asset.metadata",
    "airflow.sdk.definitions.decorators",
    "airflow.sdk.execution_time.task_mapping",
    "airflow.sdk.execution_time.task_runner",
    "airflow.timetables.base",
    "airflow.timetables.simple",
    "airflow.version",
    "croniter",
    "graphlib",
    "jinja2.ext",
    "jinja2.nativetypes",
    "jinja2.sandbox",
)

_DONE = False


def preload() -> None:
    """Import what tasks need, unless ``[dynamic_outputs] preload`` is off. Further calls do nothing.

    It also loads the plugins of the deployment for tasks. It ignores what is missing or cannot be imported. A
    task that needs it reports the error.

    Example:
        >>> preload()
    """
    global _DONE
    from airflow_dynamic_provider.airflow_adapter.configuration import SECTION, conf

    if _DONE or not conf.getboolean(SECTION, "preload", fallback=True):
        return
    _DONE = True
    for module in (*_OF_AIRFLOW, *_modules_of_bundles(), *_own_modules()):
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    with contextlib.suppress(Exception):
        from airflow_dynamic_provider.preloading.rehearsal import rehearse

        rehearse()


def _modules_of_bundles() -> list[str]:
    """Return the modules of the classes with which tasks read the Dag bundles of this deployment."""
    from airflow_dynamic_provider.airflow_adapter.configuration import conf

    # Whoever reads the bundles reports what is wrong with them.
    with contextlib.suppress(Exception):
        bundles: Any = conf.getjson("dag_processor", "dag_bundle_config_list", fallback=[])
        return [bundle["classpath"].rpartition(".")[0] for bundle in bundles]
    return []


def _own_modules() -> Iterator[str]:
    package = __name__.rpartition(".")[0]
    yield from (f"{package}.{name}" for name in _PLUGINS)
    for folder in _FOLDERS:
        # Only these: to look into a folder is to import it.
        paths = importlib.import_module(f"{package}.{folder}").__path__
        for found in pkgutil.walk_packages(paths, f"{package}.{folder}."):
            if found.name.removeprefix(f"{package}.") not in _NOT_IN_TASKS:
                yield found.name
