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
    "BoolSource": "config",
    "Config": "config_classes",
    "ConfigMapping": "config_mappings",
    "ConfigurableIOManager": "resource_classes",
    "ConfigurableIOManagerFactory": "resource_classes",
    "ConfigurableResource": "resource_classes",
    "DagsterInvalidConfigError": "errors",
    "DagsterInvalidDefinitionError": "errors",
    "DagsterInvalidInvocationError": "errors",
    "DagsterInvalidMetadata": "errors",
    "DagsterInvalidSubsetError": "errors",
    "DagsterInvariantViolationError": "errors",
    "DagsterType": "types",
    "DagsterTypeCheckDidNotPass": "errors",
    "DagsterUnknownPartitionError": "errors",
    "DailyPartitionsDefinition": "partitions",
    "Definitions": "schedules",
    "Dict": "types",
    "DynamicOut": "declarations",
    "DynamicOutput": "events",
    "Enum": "config",
    "EnumValue": "config",
    "EnvVar": "config_classes",
    "ExecutorDefinition": "executors",
    "Failure": "events",
    "Field": "config",
    "FilesystemIOManager": "resource_classes",
    "Float": "types",
    "GraphDefinition": "graphs",
    "GraphIn": "declarations",
    "GraphOut": "declarations",
    "HookContext": "hooks",
    "HookDefinition": "hooks",
    "IOManager": "io_managers",
    "In": "declarations",
    "InitResourceContext": "resources",
    "InputContext": "io_managers",
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
    "OutputContext": "io_managers",
    "Permissive": "config",
    "PermissiveConfig": "config_classes",
    "PythonObjectDagsterType": "types",
    "ResourceDefinition": "resources",
    "ResourceDependency": "resource_classes",
    "ResourceParam": "resources",
    "RetryPolicy": "policies",
    "RetryRequested": "events",
    "RunConfig": "run_config",
    "RunRequest": "run_requests",
    "ScheduleDefinition": "schedules",
    "ScheduleEvaluationContext": "run_requests",
    "Selector": "config",
    "Set": "types",
    "Shape": "config",
    "SkipReason": "run_requests",
    "StaticPartitionsDefinition": "partitions",
    "String": "types",
    "StringSource": "config",
    "Tuple": "types",
    "TypeCheck": "types",
    "allow_any_mapping_key": "keys",
    "build_init_resource_context": "resources",
    "build_op_context": "direct",
    "build_schedule_context": "run_requests",
    "config_mapping": "config_mappings",
    "failure_hook": "hooks",
    "file_relative_path": "files",
    "fs_io_manager": "io_managers",
    "get_dagster_logger": "context",
    "graph": "graphs",
    "graph_asset": "assets",
    "in_process_executor": "executors",
    "io_manager": "io_managers",
    "job": "jobs",
    "mem_io_manager": "io_managers",
    "multiprocess_executor": "executors",
    "op": "ops",
    "resource": "resources",
    "schedule": "schedules",
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
