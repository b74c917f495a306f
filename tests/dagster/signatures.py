"""Writes which public names Dagster has, and the arguments and attributes of those that this package has too.

It runs in Dagster's environment::

    python -m tests.dagster.signatures tests/dagster/signatures.json [--check]
"""

from __future__ import annotations

import inspect
import sys
import warnings
from pathlib import Path

from tests.oracles import write_or_compare

#: The callables whose arguments are compared; a dot is before a method.
CALLABLES = (
    *("AssetKey", "AssetMaterialization", "DagsterType", "DailyPartitionsDefinition", "Definitions"),
    *("DynamicOut", "DynamicOutput", "Failure", "Field", "GraphOut", "In", "Out", "Output", "RetryPolicy"),
    *("PythonObjectDagsterType", "RetryRequested", "RunConfig", "ScheduleDefinition", "TypeCheck"),
    *("StaticPartitionsDefinition", "build_op_context", "config_mapping", "failure_hook", "graph"),
    *("graph_asset", "io_manager", "job", "op", "resource", "schedule", "success_hook"),
    *("usable_as_dagster_type", "JobDefinition.execute_in_process", "GraphDefinition.execute_in_process"),
    *("GraphDefinition.to_job", "OpDefinition.configured"),
)

#: The classes whose attributes are compared: what programs get from Dagster, and what they define.
CLASSES = (
    *("AssetKey", "DailyPartitionsDefinition", "Definitions", "ExecuteInProcessResult", "GraphDefinition"),
    *("HookContext", "InitResourceContext", "InputContext", "JobDefinition", "OpDefinition"),
    *("OpExecutionContext", "OutputContext", "ResourceDefinition", "ScheduleEvaluationContext"),
    "StaticPartitionsDefinition",
)


def main(file, *options):
    """Write the names and the arguments, or compare them with the file."""
    warnings.simplefilter("ignore")
    import dagster

    names = sorted(name for name in dir(dagster) if not name.startswith("_") and name != "dagster")
    found = {
        "names": [name for name in names if not inspect.ismodule(getattr(dagster, name))],
        "arguments": {name: _arguments(dagster, name) for name in sorted(CALLABLES)},
        "attributes": {name: _attributes(getattr(dagster, name)) for name in CLASSES},
    }
    return write_or_compare(
        Path(file).resolve(), found, options, words="Dagster has others", count=len(found["names"])
    )


def _arguments(dagster, name):
    owner, _, method = name.partition(".")
    called = getattr(dagster, owner)
    parameters = inspect.signature(getattr(called, method) if method else called).parameters.values()
    named = (each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD))
    return [name for name in named if name != "self" and not name.startswith("_")]


def _attributes(cls):
    inherited = {*dir(tuple), *dir(object)}
    return [name for name in dir(cls) if not name.startswith("_") and name not in inherited]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
