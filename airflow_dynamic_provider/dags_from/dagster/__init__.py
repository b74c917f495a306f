"""The names of Dagster, over the objects of this package.

A program with ``DynamicOut`` that was written for Dagster becomes an Airflow Dag when it imports its names
from here: each ``@job`` in a Dag file is a Dag. See the page "Coming from Dagster".
"""

from __future__ import annotations

import importlib
from typing import Any

_PUBLIC = {
    "Any": "types",
    "Array": "config",
    "AssetKey": "events",
    "AssetMaterialization": "events",
    "Backoff": "policies",
    "Bool": "types",
    "Config": "config_classes",
    "ConfigurableResource": "resource_classes",
    "DagsterInvalidConfigError": "errors",
    "DagsterInvalidDefinitionError": "errors",
    "DagsterInvariantViolationError": "errors",
    "DagsterType": "types",
    "DagsterTypeCheckDidNotPass": "errors",
    "Dict": "types",
    "DynamicOut": "declarations",
    "DynamicOutput": "events",
    "Enum": "config",
    "EnumValue": "config",
    "EnvVar": "config_classes",
    "Failure": "events",
    "Field": "config",
    "Float": "types",
    "GraphDefinition": "graphs",
    "GraphIn": "declarations",
    "GraphOut": "declarations",
    "HookContext": "hooks",
    "HookDefinition": "hooks",
    "In": "declarations",
    "InitResourceContext": "resources",
    "Int": "types",
    "IntSource": "config",
    "Jitter": "policies",
    "JobDefinition": "jobs",
    "List": "types",
    "Map": "config",
    "MetadataValue": "metadata",
    "Noneable": "config",
    "Nothing": "types",
    "OpDefinition": "ops",
    "OpExecutionContext": "context",
    "Optional": "types",
    "Out": "declarations",
    "Output": "events",
    "Permissive": "config",
    "PermissiveConfig": "config_classes",
    "PythonObjectDagsterType": "types",
    "ResourceDefinition": "resources",
    "ResourceParam": "resources",
    "RetryPolicy": "policies",
    "RetryRequested": "events",
    "RunConfig": "run_config",
    "Selector": "config",
    "Set": "types",
    "Shape": "config",
    "String": "types",
    "StringSource": "config",
    "Tuple": "types",
    "TypeCheck": "types",
    "allow_any_mapping_key": "keys",
    "build_init_resource_context": "resources",
    "build_op_context": "direct",
    "failure_hook": "hooks",
    "file_relative_path": "files",
    "get_dagster_logger": "context",
    "graph": "graphs",
    "job": "jobs",
    "op": "ops",
    "resource": "resources",
    "success_hook": "hooks",
    "usable_as_dagster_type": "types",
}

__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _PUBLIC:
        from airflow_dynamic_provider.dags_from.dagster.unsupported import refuse

        refuse(name)
    value = getattr(importlib.import_module(f"{__name__}.{_PUBLIC[name]}"), "Any_" if name == "Any" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(_PUBLIC)
