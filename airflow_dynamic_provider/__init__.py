"""Keyed dynamic outputs for Apache Airflow.

The public names are loaded when they are first used, so that the import of this package in a Dag file is
almost free.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_PUBLIC = {
    "Batch": "definitions.batches",
    "Cache": "definitions.cache",
    "DynamicOut": "definitions.declarations",
    "DynamicOutput": "definitions.events",
    "DynamicOutputsError": "errors",
    "FileContent": "definitions.cache",
    "Handle": "authoring.handles",
    "MetadataValue": "definitions.metadata",
    "Out": "definitions.declarations",
    "Outcome": "definitions.outcomes",
    "Output": "definitions.events",
    "add_output_metadata": "execution.context",
    "dynamic_task": "authoring.decorator",
    "dynamic_workflow": "workflows.decorator",
    "gather": "authoring.gathering",
    "get_mapping_key": "execution.context",
    "get_mapping_key_path": "execution.context",
    "map_task": "workflows.recording.map_task",
    "once": "authoring.calling_once",
    "template": "workflows.plan.template_text",
}

__all__ = [
    "Batch",
    "Cache",
    "DynamicOut",
    "DynamicOutput",
    "DynamicOutputsError",
    "FileContent",
    "Handle",
    "MetadataValue",
    "Out",
    "Outcome",
    "Output",
    "__version__",
    "add_output_metadata",
    "dynamic_task",
    "dynamic_workflow",
    "gather",
    "get_mapping_key",
    "get_mapping_key_path",
    "map_task",
    "once",
    "template",
]

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.calling_once import once
    from airflow_dynamic_provider.authoring.decorator import dynamic_task
    from airflow_dynamic_provider.authoring.gathering import gather
    from airflow_dynamic_provider.authoring.handles import Handle
    from airflow_dynamic_provider.definitions.batches import Batch
    from airflow_dynamic_provider.definitions.cache import Cache, FileContent
    from airflow_dynamic_provider.definitions.declarations import DynamicOut, Out
    from airflow_dynamic_provider.definitions.events import DynamicOutput, Output
    from airflow_dynamic_provider.definitions.metadata import MetadataValue
    from airflow_dynamic_provider.definitions.outcomes import Outcome
    from airflow_dynamic_provider.errors import DynamicOutputsError
    from airflow_dynamic_provider.execution.context import (
        add_output_metadata,
        get_mapping_key,
        get_mapping_key_path,
    )
    from airflow_dynamic_provider.workflows.decorator import dynamic_workflow
    from airflow_dynamic_provider.workflows.plan.template_text import template
    from airflow_dynamic_provider.workflows.recording.map_task import map_task


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
