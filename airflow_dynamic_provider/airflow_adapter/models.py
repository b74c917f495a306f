"""Airflow's tables, a session that reads them, and the function that clears task instances.

The API server uses it for the pages, the commands use it to print and clear, and embedded runs use it for
their results. No task uses it: Airflow keeps tasks away from the database, so `airflow.sdk` exports none of
this. The REST API is no alternative. It cannot answer a question like "the worst state of each of 10,000
keys", and the pages are served by the same server that would be asked.

Importing it takes about a second, because Airflow loads all of its tables. Import it inside functions.
"""

from __future__ import annotations

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session

__all__ = [
    "LABEL",
    "DagModel",
    "DagRun",
    "DagVersion",
    "SerializedDagModel",
    "TaskInstance",
    "XComModel",
    "clear_task_instances",
    "create_session",
]

#: The column with the label of a mapped task instance; NULL if it has none.
# Private: the public attribute returns the map index if there is no label.
LABEL = TaskInstance._rendered_map_index
