"""Has Airflow's execution API cut sequences of XComs by map index, in this process.

A later Airflow does so (apache/airflow pull request 72007). Up to 3.3, the position among the rows counts.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def cut_by_map_index() -> Iterator[None]:
    """Answer with a hole for each task instance without the XCom."""
    from airflow.sdk.api.client import XComOperations
    from airflow.sdk.api.datamodels._generated import XComSequenceIndexResponse, XComSequenceSliceResponse
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse, XComCountResponse

    def get_slice(
        self: Any, dag_id: str, run_id: str, task_id: str, key: str, *cut: Any, **others: Any
    ) -> XComSequenceSliceResponse:
        start, stop, step = cut[:3]
        return XComSequenceSliceResponse(_sequence(dag_id, run_id, task_id, key)[start:stop:step])

    def get_item(
        self: Any, dag_id: str, run_id: str, task_id: str, key: str, offset: int, **others: Any
    ) -> XComSequenceIndexResponse | ErrorResponse:
        sequence = _sequence(dag_id, run_id, task_id, key)
        if -len(sequence) <= offset < len(sequence):
            return XComSequenceIndexResponse(sequence[offset])
        return ErrorResponse(error=ErrorType.XCOM_NOT_FOUND)

    def head(self: Any, *address: str, **others: Any) -> XComCountResponse:
        return XComCountResponse(len=len(_sequence(*address)))

    replaced = {"get_sequence_slice": get_slice, "get_sequence_item": get_item, "head": head}
    with mock.patch.multiple(XComOperations, **replaced):
        yield


def _sequence(dag_id: str, run_id: str, task_id: str, key: str) -> list[Any]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    def of_task(model: Any) -> Any:
        return model.dag_id == dag_id, model.run_id == run_id, model.task_id == task_id

    stored = select(XComModel.map_index, XComModel.value).where(*of_task(XComModel), XComModel.key == key)
    known = select(TaskInstance.map_index).where(*of_task(TaskInstance))
    with create_session() as session:
        rows = dict(session.execute(stored).tuples().all())
        count = 1 + max(session.scalars(known), default=-1)
    return [rows.get(index) for index in range(count)]
