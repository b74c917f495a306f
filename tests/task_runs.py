"""Runs one task instance in Airflow's own task runner, without a database.

The supervisor connects a task's process with Airflow's API. Here it is replaced by one that keeps XComs and
states in dictionaries and records every message. Like a strict API, it lets a task instance write only its
own XComs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.in_memory import RUN_ID, Memory, MemoryRun, instance_of
from airflow_dynamic_provider.version_compat import COUNTS_CLEARS
from tests.strict_api import refusal

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)

#: The calls with which a task instance of a batch asks whether single keys of it were cleared. Airflow 3.1
#: does not say that nothing was cleared in a run.
OF_CLEARS = 0 if COUNTS_CLEARS else 1

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


class FakeSupervisor(Memory):
    """Answers a task's requests, and records them.

    Attributes:
        messages: All requests, in order.
        received: The total number of bytes of all responses.
        rows: The total number of XComs and task instances that Airflow's API would read or write for them.
        cut: The function that cuts sequences of XComs, given the number of task instances.
    """

    def __init__(
        self,
        xcoms: dict[XComKey, Any] | None = None,
        states: dict[tuple[str, int], str] | None = None,
        cut: Callable[[dict[int, Any], int | None, int | None, int], list[Any]] = by_row,
    ) -> None:
        super().__init__(xcoms={} if xcoms is None else xcoms, states={} if states is None else states)
        self.cut = cut
        self.messages: list[Any] = []
        self.received = 0
        self.rows = 0

    def send(self, msg: Any) -> Any:
        self.messages.append(msg)
        answer = super().send(msg)
        self.rows += _rows_of(msg, answer)
        if answer is not None:
            self.received += len(answer.model_dump_json())
        return answer

    def refuse(self, request: str) -> None:
        """Answer other requests with nothing."""

    def check_own(self, msg: Any) -> None:
        from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
        from airflow.sdk.execution_time.comms import ErrorResponse

        target = (msg.dag_id, msg.run_id, msg.task_id, -1 if msg.map_index is None else msg.map_index)
        if target != self.running:
            detail = {"reason": "access_denied", "message": refusal(self.running, target)}
            answer = {"status_code": 403, "message": "Forbidden", "detail": {"detail": detail}}
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=answer))

    def count(self, *names: str) -> int:
        return sum(type(msg).__name__ in names for msg in self.messages)


def _rows_of(msg: Any, answer: Any) -> int:
    name = type(msg).__name__
    if name == "GetTaskStates":
        return sum(map(len, answer.task_states.values()))
    return len(answer.root) if name == "GetXComSequenceSlice" else int(name in ("GetXCom", "SetXCom"))


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
    from airflow.sdk.execution_time.supervisor import set_supervisor_comms
    from airflow.sdk.execution_time.task_runner import run

    supervisor = supervisor or FakeSupervisor()
    memory_run = MemoryRun(dag, supervisor, {}, NOW)
    ti = instance_of(memory_run, dag.get_task(task_id), map_index, next_method=next_method)
    supervisor.running = (dag.dag_id, RUN_ID, task_id, map_index)
    with set_supervisor_comms(supervisor):
        context = ti.get_template_context()
        state, _, error = run(ti, context, structlog.get_logger("task"))
    labels = [
        msg.rendered_map_index for msg in supervisor.messages if type(msg).__name__ == "SetRenderedMapIndex"
    ]
    supervisor.states[task_id, map_index] = state.value
    return TaskRun(state.value, error, labels[-1] if labels else None, supervisor)
