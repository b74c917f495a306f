"""Names of flytekit without a counterpart. They can be imported, and are refused where they are used."""

from __future__ import annotations

from typing import Any, NoReturn

from airflow_dynamic_provider.errors import WorkflowError

#: Name -> what to write instead.
INSTEAD = {
    "ShellTask": "Use Airflow's BashOperator in a Dag of its own, or subprocess.run in a @task.",
    "SQLTask": "Use Airflow's SQLExecuteQueryOperator in a Dag of its own, or a database client in a @task.",
    "eager": "Use @dynamic: pass a promise to another @dynamic to decide by its value.",
    "reference_task": "Import the task from the module that defines it.",
    "reference_workflow": "Import the workflow from the module that defines it.",
    "reference_launch_plan": "Import the launch plan from the module that defines it.",
    "Artifact": "Use Airflow's assets.",
    "LaunchPlanReference": "Import the launch plan from the module that defines it.",
    "Literal": "Pass the value itself.",
    "LiteralType": "Annotate the Python type.",
    "OutputLocation": "Use subprocess.run in a @task, and return a FlyteFile.",
    "PythonFunctionTask": "Use @task, or derive from PythonInstanceTask.",
    "Scalar": "Pass the value itself.",
    "SensorEngine": "Use Airflow's sensors in a Dag of its own.",
    "StructuredDatasetFormat": "StructuredDataset is stored as Parquet.",
    "StructuredDatasetTransformerEngine": "StructuredDataset is stored as Parquet.",
    "StructuredDatasetType": "Annotate StructuredDataset.",
    "VersionParameters": "Pass version= to Cache, or leave it out: it is then the source of the function.",
    "WorkflowReference": "Import the workflow from the module that defines it.",
    "get_reference_entity": "Import what it names from the module that defines it.",
    "new_context": "Use current_context().",
    "TaskReference": "Import the task from the module that defines it.",
    "Blob": "Use FlyteFile.",
    "BlobMetadata": "Use FlyteFile.",
    "BlobType": "Use FlyteFile.",
    "CachePolicy": "Pass version= to Cache, or leave it out: it is then the source of the function.",
    "Checkpoint": "Use Airflow's task state store, or write a file.",
    "ConcurrencyLimitBehavior": "Set max_active_runs on the Dag.",
    "Config": "Use Airflow's configuration.",
    "Description": "Pass docs=Documentation(...).",
    "FlyteContext": "Use current_context().",
    "FlyteContextManager": "Use current_context().",
    "FlytePickle": "Annotate the class itself, and set [dynamic_outputs] allow_pickle.",
    "FlyteRemote": "Use Airflow's REST API.",
    "Workflow": "Write a function with @workflow.",
    "ImperativeWorkflow": "Write a function with @workflow.",
    "FlyteSchema": "Pass a file: FlyteFile, with the data as Parquet or CSV.",
    "dynamic_partition": "Use Airflow's partitions of assets.",
    "actor": "Airflow starts a process for each task. Keep what is expensive in a service.",
}


class Unsupported:
    """A name of flytekit without a counterpart.

    Args:
        name: The name.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse the use.

        Raises:
            WorkflowError: Always.
        """
        self._refuse()

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        self._refuse()

    def __getitem__(self, _item: Any) -> NoReturn:
        self._refuse()

    def __repr__(self) -> str:
        return f"<flytekit's {self._name}, which is not supported>"

    def _refuse(self) -> NoReturn:
        raise WorkflowError(f"{self._name} of flytekit is not supported", remedy=INSTEAD[self._name])
