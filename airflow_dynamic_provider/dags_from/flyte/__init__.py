"""Runs programs that were written for flytekit as Airflow Dags, after a change of their import line only.

Each ``@workflow`` of a Dag file becomes a Dag. A ``@task`` becomes an Airflow task, and a ``@dynamic`` a
workflow whose body runs at execution time. Called as plain Python, they run in this process.

The names are loaded when they are first used.

Example:
    >>> from airflow_dynamic_provider.dags_from.flyte import dynamic, task, workflow
"""

from __future__ import annotations

import importlib
from typing import Any

_NAMES = {
    "dynamic": "workflows",
    "kwtypes": "interfaces",
    "task": "tasks",
    "workflow": "workflows",
}

__all__ = sorted(_NAMES)


def __getattr__(name: str) -> Any:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
