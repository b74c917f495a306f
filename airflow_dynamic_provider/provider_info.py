"""The provider info that Airflow reads. Every Airflow process imports this module, so it must stay light."""

from __future__ import annotations

from typing import Any

from airflow_dynamic_provider import __version__


def get_provider_info() -> dict[str, Any]:
    """Return the provider's metadata in the form of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-dynamic-provider",
        "name": "Dynamic outputs",
        "description": "Keyed dynamic outputs: map and collect over things found at run time, by name.",
        "versions": [__version__],
        "task-decorators": [
            {
                "name": "dynamic",
                "class-name": "airflow_dynamic_provider.authoring.decorator.dynamic_task",
            }
        ],
        "config": {
            "dynamic_outputs": {
                "description": "Keyed dynamic outputs.",
                "options": {
                    "preload": {
                        "description": "Whether schedulers with the LocalExecutor, Celery workers and Dag "
                        "processors import what tasks need before they fork them.",
                        "version_added": "0.1.0",
                        "type": "boolean",
                        "example": None,
                        "default": "True",
                    },
                    "files_path": {
                        "description": "Where files of programs written for other systems are kept between "
                        "tasks: a directory, or a URL for Airflow's ObjectStoragePath. All workers must "
                        "reach it. Nothing is deleted there.",
                        "version_added": "0.2.0",
                        "type": "string",
                        "example": "s3://aws_default@bucket/files",
                        "default": "{AIRFLOW_HOME}/dynamic_outputs_files",
                    },
                    "allow_pickle": {
                        "description": "Whether tasks of programs written for Flyte may pass objects that "
                        "only pickle can store, such as models. They are pickled below files_path. Whoever "
                        "can write there can run code in the tasks that read them.",
                        "version_added": "0.2.0",
                        "type": "boolean",
                        "example": None,
                        "default": "False",
                    },
                    "cache_path": {
                        "description": "Where the results of cached tasks are kept over runs: a directory, "
                        "or a URL for Airflow's ObjectStoragePath. All workers must reach it, and the "
                        "command line to show and to delete results.",
                        "version_added": "0.2.0",
                        "type": "string",
                        "example": "s3://aws_default@bucket/results",
                        "default": "{AIRFLOW_HOME}/dynamic_outputs_cache",
                    },
                },
            }
        },
        "cli": ["airflow_dynamic_provider.cli.definition.get_cli_commands"],
    }
