"""Runs task instances in Airflow's own task runner, with all values and states in memory.

A task asks Airflow's API through the supervisor of its process. Here, `Memory` answers. Airflow's task runner
does the rest, so a task runs with the same context, templates, callbacks and states as on a worker.
"""

from __future__ import annotations

import copy
import uuid
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NoReturn, cast

from airflow_dynamic_provider.airflow_adapter.xcom import UNMAPPED, States
from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.errors import LocalRunError
from airflow_dynamic_provider.version_compat import NO_ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, MutableMapping

    from airflow.sdk import DAG

#: A task id and a map index, which is -1 if the task is not mapped.
Instance = tuple[str, int]

#: The id of every run in memory.
RUN_ID = "local"

#: What a task tells Airflow, and needs no answer to.
_TOLD = frozenset(
    {
        *("MaskSecret", "RescheduleTask", "RetryTask", "SetRenderedFields", "SkipDownstreamTasks"),
        *("SucceedTask", "TaskState", "DeferTask"),
    }
)


class Memory(Record, frozen=False):
    """The XComs and the states of one run. It answers the requests of its tasks.

    Attributes:
        xcoms: (task, map index, key) -> stored JSON.
        states: (task, map index) -> state.
        labels: (task, map index) -> label.
        kept: ((task, map index), key) -> what a try has kept for later tries.
        skipped: The task instances that an upstream task has skipped.
        running: Dag, run, task and map index of the task instance that asks.
        refused: The error of the first request that only a running Airflow can answer.
    """

    xcoms: dict[tuple[str, int, str], Any] = field(default_factory=dict)
    states: States = field(default_factory=dict)
    labels: dict[Instance, str] = field(default_factory=dict)
    kept: dict[tuple[Instance, str], Any] = field(default_factory=dict)
    skipped: set[Instance] = field(default_factory=set)
    running: tuple[str, str, str, int] | None = None
    refused: LocalRunError | None = None

    def send(self, msg: Any) -> Any:
        """Answer a request.

        Raises:
            LocalRunError: Only a running Airflow can answer it.
        """
        name = type(msg).__name__
        answer = self._answers().get(name)
        if answer is not None:
            return answer(msg)
        if name not in _TOLD:
            self.refuse(name)
        elif getattr(msg, "rendered_map_index", None) is not None:
            # A task instance that fails before its label is rendered tells it at its end.
            self._set_label(msg)
        return None

    async def asend(self, msg: Any) -> Any:
        """Answer a request, as `send` does."""
        return self.send(msg)

    def keys_of(self, instance: Instance) -> list[str]:
        """Return the keys of the XComs of a task instance."""
        return [key for task_id, index, key in self.xcoms if (task_id, index) == instance]

    def _answers(self) -> Mapping[str, Callable[[Any], Any]]:
        return {
            "DeleteXCom": self._delete_xcom,
            "GetConnection": lambda msg: _not_found("CONNECTION_NOT_FOUND", msg.conn_id),
            "GetTaskStateStore": self._get_kept,
            "GetTaskStates": self._get_states,
            "GetTICount": self._count_instances,
            "GetVariable": lambda msg: _not_found("VARIABLE_NOT_FOUND", msg.key),
            "GetXCom": self._get_xcom,
            "GetXComCount": self._count_xcoms,
            "GetXComSequenceItem": self._get_item,
            "GetXComSequenceSlice": self._get_slice,
            "SetRenderedMapIndex": self._set_label,
            "SetTaskStateStore": self._set_kept,
            "SetXCom": self._set_xcom,
            "SkipDownstreamTasks": self._skip,
            "ValidateInletsAndOutlets": lambda _: _no_inactive_assets(),
        }

    def _get_xcom(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import XComResult

        return XComResult(key=msg.key, value=self.xcoms.get((msg.task_id, _index_of(msg), msg.key)))

    def _get_item(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import XComSequenceIndexResult

        rows = self._rows(msg)
        if not -len(rows) <= msg.offset < len(rows):
            return _not_found("XCOM_NOT_FOUND", msg.key)
        return XComSequenceIndexResult(root=rows[sorted(rows)[msg.offset]])

    def _get_slice(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import XComSequenceSliceResult

        instances = (index for task_id, index in self.states if task_id == msg.task_id)
        rows = self._rows(msg)
        count = max((*rows, *instances), default=UNMAPPED) + 1
        return XComSequenceSliceResult(root=self.cut(rows, msg.start, msg.stop, count))

    def cut(self, rows: dict[int, Any], start: int | None, stop: int | None, count: int) -> list[Any]:
        """Return a slice of the XComs of a task. Task instances without the XCom do not count.

        Args:
            rows: Map index -> stored JSON.
            start: The first row.
            stop: The row after the last.
            count: The number of task instances.
        """
        return [rows[index] for index in sorted(rows)][start:stop]

    def _count_xcoms(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import XComCountResponse

        return XComCountResponse(len=len(self._rows(msg)))

    def _rows(self, msg: Any) -> dict[int, Any]:
        asked = (msg.task_id, msg.key)
        return {
            index: value for (task_id, index, key), value in self.xcoms.items() if (task_id, key) == asked
        }

    def _set_xcom(self, msg: Any) -> None:
        self.check_own(msg)
        self.xcoms[msg.task_id, _index_of(msg), msg.key] = msg.value

    def _delete_xcom(self, msg: Any) -> None:
        self.check_own(msg)
        self.xcoms.pop((msg.task_id, _index_of(msg), msg.key), None)

    def check_own(self, msg: Any) -> None:
        """Refuse a request that changes an XCom of another task instance, as Airflow does."""
        if (msg.dag_id, msg.run_id, msg.task_id, _index_of(msg)) != self.running:
            self.refuse(f"a change of an XCom of {msg.task_id!r}")

    def _get_states(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import TaskStatesResult

        found = {
            task_id if index < 0 else f"{task_id}_{index}": state
            for (task_id, index), state in self.states.items()
            if task_id in msg.task_ids and msg.map_index in (None, index)
        }
        return TaskStatesResult(task_states={msg.run_ids[0]: found})

    def _count_instances(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import TICount

        # Airflow calls a task instance without a state "null".
        asked = msg.states or [*self.states.values(), "null"]
        return TICount(
            count=sum(
                task_id in (msg.task_ids or ())
                and msg.map_index in (None, index)
                and (state or "null") in asked
                for (task_id, index), state in self.states.items()
            )
        )

    def _get_kept(self, msg: Any) -> Any:
        from airflow.sdk.execution_time.comms import TaskStateStoreResult

        known = (self._own_instance(), msg.key)
        if known not in self.kept:
            return _not_found("TASK_STORE_NOT_FOUND", msg.key)
        return TaskStateStoreResult(value=self.kept[known])

    def _set_kept(self, msg: Any) -> None:
        self.kept[self._own_instance(), msg.key] = msg.value

    def _set_label(self, msg: Any) -> None:
        self.labels[self._own_instance()] = msg.rendered_map_index

    def _skip(self, msg: Any) -> None:
        for task in msg.tasks:
            self.skipped.add((task, UNMAPPED) if isinstance(task, str) else tuple(task))

    def _own_instance(self) -> Instance:
        assert self.running is not None
        return self.running[2:]

    def refuse(self, request: str) -> None:
        """Refuse a request of the running task instance.

        Raises:
            LocalRunError: Always.
        """
        error = refusal(f"asked for what only a running Airflow has ({request})", self._own_instance()[0])
        self.refused = self.refused or error
        raise error


class MemoryRun(Record):
    """A run in memory.

    Attributes:
        dag: The Dag.
        memory: Its values and states.
        conf: The configuration of the run.
        date: When it started.
    """

    dag: DAG
    memory: Memory
    conf: Mapping[str, Any]
    date: datetime


class Ended(Record):
    """A task instance that has ended.

    Attributes:
        state: Its state.
        error: The error that it raised.
    """

    state: str
    error: BaseException | None = None


def refusal(problem: str, task_id: str) -> LocalRunError:
    """Return the error for a task that cannot run without Airflow's services."""
    return LocalRunError(
        problem,
        task_id=task_id,
        remedy="Run the Dag with airflow_dynamic_provider.embedded.run(), which has a database.",
    )


def check_conf(dag: DAG, conf: Mapping[str, Any]) -> None:
    """Refuse a configuration that does not fit the params of a Dag, as Airflow does before a run.

    Raises:
        ParamValidationError: A value does not fit.
    """
    params = copy.deepcopy(dag.params)
    params.update(conf)
    params.validate()


def run_instance(run: MemoryRun, task: Any, map_index: int, try_number: int) -> Ended:
    """Run one try of a task instance, and call the callbacks that its author set.

    Raises:
        LocalRunError: It needs what only a running Airflow has.
    """
    # Private: there is no public way to run a task without a database.
    from airflow.sdk.execution_time.supervisor import set_supervisor_comms
    from airflow.sdk.execution_time.task_runner import finalize
    from airflow.sdk.execution_time.task_runner import run as run_task

    memory = run.memory
    memory.running = (run.dag.dag_id, RUN_ID, task.task_id, map_index)
    ti = instance_of(run, task, map_index, try_number=try_number, retries=int(task.retries or 0))
    with set_supervisor_comms(memory):
        context = ti.get_template_context()
        log = _silent_log()
        state, _, error = run_task(ti, context, log)
        # As Airflow's processes do before they call the callbacks.
        context["exception"] = error
        finalize(ti, state, context, log, error)
    if memory.refused is not None:
        raise memory.refused
    return Ended(str(state.value), error)


@contextmanager
def reading(run: MemoryRun, task: Any) -> Iterator[MutableMapping[str, Any]]:
    """Provide a context in which the values and the states of a run can be read."""
    from airflow.sdk.execution_time.supervisor import set_supervisor_comms

    run.memory.running = (run.dag.dag_id, RUN_ID, task.task_id, UNMAPPED)
    with set_supervisor_comms(run.memory):
        yield cast("MutableMapping[str, Any]", instance_of(run, task).get_template_context())


def instance_of(
    run: MemoryRun,
    task: Any,
    map_index: int = UNMAPPED,
    *,
    try_number: int = 1,
    retries: int = 0,
    next_method: str | None = None,
) -> Any:
    """Return a task instance that Airflow's task runner can run.

    Args:
        run: The run.
        task: The task.
        map_index: Its map index.
        try_number: The number of this try.
        retries: How many tries may follow the first.
        next_method: The method that resumes it after a wait.
    """
    from airflow.sdk.api.datamodels._generated import DagRun, DagRunState, DagRunType, TIRunContext
    from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

    dag_run = DagRun(
        dag_id=run.dag.dag_id,
        run_id=RUN_ID,
        logical_date=run.date,
        data_interval_start=run.date,
        data_interval_end=run.date,
        run_after=run.date,
        start_date=run.date,
        end_date=None,
        run_type=DagRunType.MANUAL,
        state=DagRunState.RUNNING,
        conf=dict(run.conf),
        consumed_asset_events=[],
        # Airflow 3.1 has no partitions, and later versions require the field.
        **({"partition_key": None} if "partition_key" in DagRun.model_fields else {}),
    )
    of_server = TIRunContext(
        dag_run=dag_run,
        max_tries=retries,
        should_retry=try_number <= retries,
        next_method=next_method,
        next_kwargs=NO_ARGUMENTS if next_method else None,
        # Before the first try, there is nothing to delete.
        xcom_keys_to_clear=run.memory.keys_of((task.task_id, map_index)) if try_number > 1 else [],
    )
    return RuntimeTaskInstance.model_construct(
        id=uuid.uuid4(),
        task_id=task.task_id,
        dag_id=run.dag.dag_id,
        run_id=RUN_ID,
        try_number=try_number,
        map_index=map_index,
        dag_version_id=uuid.uuid4(),
        task=task,
        max_tries=retries,
        start_date=datetime.now(timezone.utc),
        _ti_context_from_server=of_server,
    )


def _silent_log() -> Any:
    """Return a log that drops what the task runner writes. The result of the run has the errors."""
    import structlog

    def drop(*_: Any) -> NoReturn:
        raise structlog.DropEvent

    return structlog.wrap_logger(None, processors=[drop])


def _index_of(msg: Any) -> int:
    return UNMAPPED if msg.map_index is None else int(msg.map_index)


def _not_found(error: str, name: str) -> Any:
    from airflow.sdk.exceptions import ErrorType
    from airflow.sdk.execution_time.comms import ErrorResponse

    return ErrorResponse(error=ErrorType[error], detail={"name": name})


def _no_inactive_assets() -> Any:
    from airflow.sdk.execution_time.comms import InactiveAssetsResult

    return InactiveAssetsResult(inactive_assets=[])
