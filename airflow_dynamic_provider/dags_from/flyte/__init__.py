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

from airflow_dynamic_provider.dags_from.flyte.unsupported import INSTEAD, Unsupported

_NAMES = {
    "Annotations": "resources",
    "AuthRole": "resources",
    "BatchSize": "resources",
    "Cache": "caches",
    "ConcurrencyPolicy": "resources",
    "ContainerTask": "containers",
    "CronSchedule": "schedules",
    "Deck": "decks",
    "Documentation": "resources",
    "Email": "resources",
    "Environment": "environments",
    "ExecutionParameters": "contexts",
    "FixedRate": "schedules",
    "FlyteDirectory": "files",
    "FlyteFile": "files",
    "FlyteRecoverableException": "exceptions",
    "HashMethod": "hashes",
    "ImageSpec": "resources",
    "Labels": "resources",
    "LaunchPlan": "launch_plans",
    "Options": "resources",
    "PagerDuty": "resources",
    "PodTemplate": "resources",
    "PythonInstanceTask": "instances",
    "Resources": "resources",
    "Secret": "resources",
    "SecurityContext": "resources",
    "Slack": "resources",
    "SourceCode": "resources",
    "StructuredDataset": "frames",
    "TaskMetadata": "resources",
    "WorkflowExecutionPhase": "resources",
    "WorkflowFailurePolicy": "resources",
    "approve": "gates",
    "conditional": "conditions",
    "create_node": "nodes",
    "current_context": "contexts",
    "dynamic": "workflows",
    "kwtypes": "interfaces",
    "lazy_module": "lazy_modules",
    "logger": "contexts",
    "map_task": "maps",
    "sleep": "gates",
    "task": "tasks",
    "wait_for_input": "gates",
    "workflow": "workflows",
}

__all__ = sorted([*_NAMES, *INSTEAD])


def __getattr__(name: str) -> Any:
    if name in INSTEAD:
        return Unsupported(name)
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
