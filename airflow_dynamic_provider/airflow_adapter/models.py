"""Airflow's tables, a session that reads them, and the function that clears task instances.

The API server uses it for the pages, the commands use it to print and clear, and embedded runs use it for
their results. No task uses it: Airflow keeps tasks away from the database, so `airflow.sdk` exports none of
this. The REST API is no alternative. It cannot answer a question like "the worst state of each of 10,000
keys", and the pages are served by the same server that would be asked.

Importing it takes about a second, because Airflow loads all of its tables. Import it inside functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

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
    "store_xcom",
]

#: The column with the label of a mapped task instance; NULL if it has none.
# Private: the public attribute returns the map index if there is no label.
LABEL = TaskInstance._rendered_map_index


def store_xcom(
    session: Session,
    key: str,
    stored: Any,
    *,
    dag_id: str,
    run_id: str,
    task_id: str,
    map_index: int = -1,
) -> None:
    """Store an XCom of a task instance, in the transaction of a session. Three statements.

    The class of Airflow's table is used, because the REST API, which may do the same, has a transaction of
    its own for each XCom. `XComModel.set` would encode the value once more before Airflow 3.2.

    Args:
        session: The session.
        key: The XCom key.
        stored: Its value, as XComs of other tasks were read: the stored JSON, or what the deployment's own
            XCom backend has loaded.
        dag_id: The Dag.
        run_id: The run.
        task_id: The task.
        map_index: The map index, -1 if it is not mapped.
    """
    from sqlalchemy import delete, select

    from airflow_dynamic_provider.airflow_adapter.xcom import loads_json_only

    of_run: dict[str, Any] = {"dag_id": dag_id, "run_id": run_id}
    place: dict[str, Any] = {**of_run, "task_id": task_id, "map_index": map_index, "key": key}
    if not loads_json_only():
        from airflow.sdk.execution_time.xcom import XCom

        stored = XCom.serialize_value(stored, **place)
    dag_run_id = session.scalars(select(DagRun.id).filter_by(**of_run)).one()
    session.execute(delete(XComModel).filter_by(**place))
    session.add(XComModel(dag_run_id=dag_run_id, value=stored, **place))
    session.flush()
