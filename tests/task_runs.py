"""Runs one task instance in Airflow's own task runner, without a database.

The supervisor connects a task's process with Airflow's API. Here it is replaced by one that keeps XComs and
states in dictionaries and records every message. Like a strict API, it lets a task instance write only its
own XComs.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from tests.strict_api import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)

XComKey = tuple[str, int, str]


def by_row(rows: dict[int, Any], start: int | None, stop: int | None, count: int) -> list[Any]:
    """Cut a sequence of XComs as Airflow does: task instances without the XCom do not count."""
    return [rows[index] for index in sorted(rows)][start:stop]


def by_map_index(rows: dict[int, Any], start: int | None, stop: int | None, count: int) -> list[Any]:
    """Cut it as a later Airflow does (apache/airflow pull request 72007): a missing XCom is a hole."""
    return [rows.get(index) for index in range(count)[start:stop]]


def by_map_index_to_the_last_row(
    rows: dict[int, Any], start: int | None, stop: int | None, count: int
) -> list[Any]:
    """The same, if the sequence ends where the rows end, and not where the task instances do."""
    return by_map_index(rows, start, stop, max(rows, default=-1) + 1)


#: The ways of cutting that readers of sequences must cope with.
CUTS = (by_row, by_map_index, by_map_index_to_the_last_row)


@dataclass
class FakeSupervisor:
    """Answers a task's requests.

    Attributes:
        xcoms: (task, map index, key) -> stored JSON.
        states: (task, map index) -> state.
        messages: All requests, in order.
        received: The total number of bytes of all responses.
        rows: The total number of XComs and task instances that Airflow's API would read or write for them.
        running: Dag, run, task and map index of the task instance that asks.
        cut: The function that cuts sequences of XComs, given the number of task instances.
    """

    xcoms: dict[XComKey, Any] = field(default_factory=dict)
    states: dict[tuple[str, int], str] = field(default_factory=dict)
    messages: list[Any] = field(default_factory=list)
    received: int = 0
    rows: int = 0
    running: tuple[str, str, str, int] | None = None
    cut: Callable[[dict[int, Any], int | None, int | None, int], list[Any]] = by_row

    def send(self, msg: Any) -> Any:
        self.messages.append(msg)
        answer = self._answers().get(type(msg).__name__, lambda msg: None)(msg)
        if answer is not None:
            self.received += len(answer.model_dump_json())
        return answer

    async def asend(self, msg: Any) -> Any:
        return self.send(msg)

    def _answers(self) -> dict[str, Any]:
        return {
            "GetXCom": self._get_xcom,
            "GetXComSequenceSlice": self._get_slice,
            "GetXComCount": self._count_xcoms,
            "SetXCom": self._set_xcom,
            "DeleteXCom": self._delete_xcom,
            "GetTaskStates": self._get_states,
            "GetTICount": self._count_instances,
        }

    def _get_xcom(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import XComResult

        index = -1 if msg.map_index is None else msg.map_index
        self.rows += 1
        return XComResult(key=msg.key, value=self.xcoms.get((msg.task_id, index, msg.key)))

    def _get_slice(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import XComSequenceSliceResult

        rows = {
            index: value
            for (task, index, key), value in self.xcoms.items()
            if (task, key) == (msg.task_id, msg.key)
        }
        indexes = [*rows, *(index for task, index in self.states if task == msg.task_id)]
        root = self.cut(rows, msg.start, msg.stop, max(indexes, default=-1) + 1)
        self.rows += len(root)
        return XComSequenceSliceResult(root=root)

    def _count_xcoms(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import XComCountResponse

        return XComCountResponse(
            len=sum((task, key) == (msg.task_id, msg.key) for task, _, key in self.xcoms)
        )

    def _set_xcom(self, msg: Any) -> None:
        self.xcoms[self._own_xcom(msg)] = msg.value
        self.rows += 1

    def _delete_xcom(self, msg: Any) -> None:
        self.xcoms.pop(self._own_xcom(msg), None)

    def _own_xcom(self, msg: Any) -> XComKey:
        from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
        from airflow.sdk.execution_time.comms import ErrorResponse

        index = -1 if msg.map_index is None else msg.map_index
        target = (msg.dag_id, msg.run_id, msg.task_id, index)
        if target != self.running:
            detail = {"reason": "access_denied", "message": refusal(self.running, target)}
            answer = {"status_code": 403, "message": "Forbidden", "detail": {"detail": detail}}
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=answer))
        return msg.task_id, index, msg.key

    def _get_states(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import TaskStatesResult

        found = {
            task if index < 0 else f"{task}_{index}": state
            for (task, index), state in self.states.items()
            if task in msg.task_ids and msg.map_index in (None, index)
        }
        self.rows += len(found)
        return TaskStatesResult(task_states={msg.run_ids[0]: found})

    def _count_instances(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import TICount

        # Airflow calls a task instance without a state "null".
        asked = msg.states or [*self.states.values(), "null"]
        return TICount(
            count=sum(
                task in (msg.task_ids or ()) and msg.map_index in (None, index) and (state or "null") in asked
                for (task, index), state in self.states.items()
            )
        )

    def count(self, *names: str) -> int:
        return sum(type(msg).__name__ in names for msg in self.messages)


@dataclass
class TaskRun:
    """The result of one task instance."""

    state: str
    error: BaseException | None
    label: str | None
    supervisor: FakeSupervisor

    @property
    def message(self) -> str:
        return str(self.error)


def run_task(
    dag: Any,
    task_id: str,
    map_index: int = -1,
    supervisor: FakeSupervisor | None = None,
    next_method: str | None = None,
) -> TaskRun:
    """Run one task instance of a Dag, from its start or after a wait, with the method that resumes it."""
    import structlog
    from airflow.sdk.api.datamodels._generated import DagRun, DagRunState, DagRunType, TIRunContext
    from airflow.sdk.execution_time.supervisor import set_supervisor_comms
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance, run

    supervisor = supervisor or FakeSupervisor()
    dag_run = DagRun(
        dag_id=dag.dag_id,
        run_id="run",
        logical_date=NOW,
        data_interval_start=NOW,
        data_interval_end=NOW,
        run_after=NOW,
        start_date=NOW,
        end_date=None,
        run_type=DagRunType.MANUAL,
        state=DagRunState.RUNNING,
        consumed_asset_events=[],
        # Airflow 3.1 has no partitions, and later versions require the field.
        **({"partition_key": None} if "partition_key" in DagRun.model_fields else {}),
    )
    ti = RuntimeTaskInstance.model_construct(
        id=uuid.uuid4(),
        task_id=task_id,
        dag_id=dag.dag_id,
        run_id="run",
        try_number=1,
        map_index=map_index,
        dag_version_id=uuid.uuid4(),
        task=dag.get_task(task_id),
        max_tries=0,
        start_date=NOW,
        _ti_context_from_server=TIRunContext(
            dag_run=dag_run,
            max_tries=0,
            should_retry=False,
            next_method=next_method,
            next_kwargs={} if next_method else None,
        ),
    )
    supervisor.running = (dag.dag_id, "run", task_id, map_index)
    with set_supervisor_comms(supervisor):
        context = ti.get_template_context()
        state, _, error = run(ti, context, structlog.get_logger("task"))
    labels = [
        msg.rendered_map_index for msg in supervisor.messages if type(msg).__name__ == "SetRenderedMapIndex"
    ]
    supervisor.states[task_id, map_index] = state.value
    return TaskRun(state.value, error, labels[-1] if labels else None, supervisor)
