"""Runs a Dag that a test defines inline, in this process, and shows its results."""

from __future__ import annotations

import functools
import inspect
import json
import os
import pkgutil
import shutil
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class ApiCalls:
    """The calls that tasks made to Airflow's API: (task, map index) -> messages, and bytes received."""

    messages: dict[tuple[str, int], Counter[str]] = field(default_factory=dict)
    received: Counter[tuple[str, int]] = field(default_factory=Counter)

    def note(self, task: tuple[str, int], message: Any, answer: Any) -> None:
        self.messages.setdefault(task, Counter())[type(message).__name__] += 1
        if answer is not None and hasattr(answer, "model_dump_json"):
            self.received[task] += len(answer.model_dump_json())


@dataclass
class FinishedRun:
    """One Dag run that has ended."""

    dag: Any
    dag_run: Any
    calls: ApiCalls

    @property
    def run_id(self) -> str:
        return str(self.dag_run.run_id)

    @property
    def state(self) -> str:
        return str(self.dag_run.state)

    def instances(self, task_id: str) -> dict[int, Any]:
        """Map index -> task instance."""
        return {ti.map_index: ti for ti in self.dag_run.get_task_instances() if ti.task_id == task_id}

    def states(self, task_id: str) -> dict[str, str]:
        """Label, or map index without a label -> state. Removed task instances are left out."""
        return {
            ti.rendered_map_index if ti._rendered_map_index is not None else index: str(ti.state)
            for index, ti in sorted(self.instances(task_id).items())
            if ti.state != "removed"
        }

    def state_of(self, task_id: str, map_index: int = -1) -> str:
        return str(self.instances(task_id)[map_index].state)

    def xcom(self, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        return self.xcoms(task_id, key).get(map_index)

    def xcoms(self, task_id: str, key: str = "return_value") -> dict[int, Any]:
        """Map index -> deserialized XCom."""
        from airflow.models.xcom import XComModel
        from airflow.sdk.bases.xcom import BaseXCom
        from airflow.settings import Session

        found = Session().query(XComModel).filter_by(run_id=self.run_id, dag_id=self.dag.dag_id)
        rows = found.filter_by(task_id=task_id, key=key)
        return {row.map_index: BaseXCom.deserialize_value(row) for row in rows}


def run_dag(dag: Any, conf: dict[str, Any] | None = None) -> FinishedRun:
    """Run a Dag to its end."""
    register(dag)
    with _counting() as calls, _writing_states():
        run = dag.test(run_conf=conf)
    _check_user_interface(dag, run)
    return FinishedRun(dag, run, calls)


def run_by_command(file: Path, dag: Any, conf: dict[str, Any] | None = None) -> FinishedRun:
    """Run the Dag of a file by ``airflow dags test``, which imports the file twice.

    Args:
        file: The Dag file, which is copied into Airflow's Dag folder.
        dag: The same Dag.
        conf: The conf of the run.
    """
    from airflow.cli.cli_parser import get_parser
    from airflow.models.dagrun import DagRun
    from airflow.settings import Session

    copy = Path(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]) / file.name
    shutil.copy(file, copy)
    try:
        arguments = get_parser().parse_args(["dags", "test", dag.dag_id, "--conf", json.dumps(conf or {})])
        with _counting() as calls, _writing_states():
            arguments.func(arguments)
    finally:
        copy.unlink()
    run = Session().query(DagRun).filter_by(dag_id=dag.dag_id).order_by(DagRun.id.desc()).first()
    _check_user_interface(dag, run)
    return FinishedRun(dag, run, calls)


#: Retries and rescheduled sensors may wait this many seconds. A run that waits longer is stuck.
LONGEST_WAIT = 30.0

#: The scheduler must have found nothing this many times by then, because a busy machine may be slow.
FEWEST_LOOKS = 50


@dataclass
class KeptRun(FinishedRun):
    """A Dag run that can be run, cleared in part, and run again.

    The functions of Airflow's scheduler decide what runs next. The task instances run in this process, one
    after the other. Unlike in ``dag.test()``, an ``EmptyOperator`` ends without running.
    """

    scheduler_dag: Any
    errors: dict[tuple[str, int], BaseException | None] = field(default_factory=dict)

    def run(self) -> KeptRun:
        """Run until the Dag run has ended; ``calls`` and ``errors`` (of the last tries) start empty."""
        idle_since, looks = time.monotonic(), 0
        self.errors = {}
        with _counting() as self.calls:
            while (scheduled := self._schedule()) is not None:
                for ti in scheduled:
                    self._execute(ti)
                if scheduled:
                    idle_since, looks = time.monotonic(), 0
                else:
                    looks += 1
                    self._wait(idle_since, looks)
        return self

    def clear(
        self,
        task_id: str,
        map_index: int | None = None,
        *,
        downstream: bool = True,
        upstream: bool = False,
        only_failed: bool = False,
    ) -> KeptRun:
        """Clear a task, or one of its task instances, as Airflow's REST API does."""
        from airflow.api_fastapi.core_api.datamodels.task_instances import ClearTaskInstancesBody
        from airflow.api_fastapi.core_api.routes.public.task_instances import post_clear_task_instances
        from airflow.models.dagbag import DBDagBag
        from airflow.utils.session import create_session

        body = ClearTaskInstancesBody(
            dry_run=False,
            dag_run_id=self.run_id,
            task_ids=[task_id if map_index is None else (task_id, map_index)],
            include_downstream=downstream,
            include_upstream=upstream,
            only_failed=only_failed,
        )
        with create_session() as session:
            dag_bag = DBDagBag()
            of_server = _of_server(post_clear_task_instances, dag_bag, session)
            post_clear_task_instances(self.dag.dag_id, dag_bag, body, session=session, **of_server)
        return self

    def edit(self, dag: Any) -> None:
        """Let the rest of the run use another version of the Dag, as Airflow does after a change."""
        from airflow.models.dag_version import DagVersion
        from airflow.models.dagbag import DBDagBag
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session

        register(dag)
        self.dag = dag
        with create_session() as session:
            self.scheduler_dag = DBDagBag().get_latest_version_of_dag(dag.dag_id, session=session)
            run = session.get(DagRun, self.dag_run.id)
            run.dag = self.scheduler_dag
            version = DagVersion.get_latest_version(dag.dag_id, session=session)
            run.verify_integrity(session=session, dag_version_id=version.id)

    def mark(self, task_id: str, map_index: int | None = None, state: str = "success") -> KeptRun:
        """Mark a task, or one of its task instances, as a user does in Airflow's UI."""
        from airflow.api_fastapi.core_api.datamodels.task_instances import PatchTaskInstanceBody
        from airflow.api_fastapi.core_api.routes.public.task_instances import patch_task_instance
        from airflow.models.dagbag import DBDagBag
        from airflow.utils.session import create_session

        body = PatchTaskInstanceBody(new_state=state)
        with create_session() as session:
            patch_task_instance(
                self.dag.dag_id,
                self.run_id,
                task_id,
                DBDagBag(),
                body,
                user=None,
                session=session,
                map_index=map_index,
                update_mask=None,
            )
        return self

    def tries(self) -> dict[tuple[str, int], int]:
        """(task, map index) -> number of tries. Removed task instances are left out."""
        found = self.dag_run.get_task_instances()
        return {(ti.task_id, ti.map_index): ti.try_number for ti in found if ti.state != "removed"}

    def _schedule(self) -> list[Any] | None:
        """Decide as the scheduler does, and return the task instances to run; ``None`` at the end.

        A look at waiting nodes reads much, so it comes when nothing else can run.
        """
        scheduled = self._decide()
        if scheduled == [] and self._look_for_waiting_nodes():
            scheduled = self._decide()
        return scheduled

    def _decide(self) -> list[Any] | None:
        from airflow.models.dagrun import DagRun
        from airflow.models.taskinstance import TaskInstance
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session() as session:
            run = self.dag_run = session.get(DagRun, self.dag_run.id)
            run.dag = self.scheduler_dag
            if run.state == "queued":
                run.set_state("running")
            # A scheduler looks at a run many times while its tasks run, and so expands all that it can.
            while run.state == "running":
                schedulable, has_more = _decide(run, session)
                run.schedule_tis(schedulable, session=session)
                session.commit()
                # ``schedule_tis`` has changed the rows behind the session's back.
                session.expire_all()
                if not (schedulable and has_more):
                    break
            if run.state != "running":
                return None
            scheduled = select(TaskInstance).where(
                TaskInstance.dag_id == run.dag_id,
                TaskInstance.run_id == run.run_id,
                TaskInstance.state == "scheduled",
            )
            order = (-TaskInstance.priority_weight, TaskInstance.task_id, TaskInstance.map_index)
            return list(session.scalars(scheduled.order_by(*order)))

    def _execute(self, ti: Any) -> None:
        from airflow.sdk.execution_time.comms import DeferTask
        from airflow.sdk.execution_time.supervisor import run_task_in_process

        # The executor's part.
        _update(ti.id, state="queued")
        result = run_task_in_process(ti=_message(ti), task=self.dag.get_task(ti.task_id))
        self.errors[ti.task_id, ti.map_index] = result.error
        if isinstance(result.msg, DeferTask):
            self._trigger(ti)

    def _trigger(self, ti: Any) -> None:
        """Do the triggerer's part."""
        from airflow.models.taskinstance import TaskInstance
        from airflow.models.trigger import Trigger
        from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor
        from airflow.utils.session import create_session

        with create_session() as session:
            stored = session.get(Trigger, session.get(TaskInstance, ti.id).trigger_id)
            trigger = pkgutil.resolve_name(stored.classpath)(**stored.kwargs)
        event = InProcessTestSupervisor.run_trigger_in_process(trigger=trigger, ti=_message(ti))
        with create_session() as session:
            Trigger.submit_event(stored.id, event, session=session)

    def _look_for_waiting_nodes(self) -> bool:
        """Do the triggerer's part for waiting nodes, which Airflow 3.3 starts there: one look.

        Returns:
            Whether one of them waits no longer.
        """
        from airflow.models.trigger import Trigger
        from airflow.utils.session import create_session

        with create_session() as session:
            waiting = self.dag_run.get_task_instances(state=["deferred"], session=session)
            rows = [(ti, session.get(Trigger, ti.trigger_id)) for ti in waiting]
            messages = [
                (_message(ti), row.id, pkgutil.resolve_name(row.classpath)(**row.kwargs)) for ti, row in rows
            ]
        snapshots: dict[str, Any] = {}
        looks = [(trigger_id, _look(ti, trigger, snapshots)) for ti, trigger_id, trigger in messages]
        events = [(trigger_id, event) for trigger_id, event in looks if event is not None]
        with create_session() as session:
            for trigger_id, event in events:
                Trigger.submit_event(trigger_id, event, session=session)
        return bool(events)

    def _wait(self, idle_since: float, looks: int) -> None:
        if looks > FEWEST_LOOKS and time.monotonic() - idle_since > LONGEST_WAIT:
            states = {(ti.task_id, ti.map_index): ti.state for ti in self.dag_run.get_task_instances()}
            raise AssertionError(f"nothing can run: {states}")
        time.sleep(0.1)


def _decide(run: Any, session: Any) -> tuple[list[Any], bool]:
    """Return the task instances that can run, and whether more can when these are scheduled."""
    decide = run.task_instance_scheduling_decisions
    decisions = []

    def noted(*args: Any, **kwargs: Any) -> Any:
        decisions.append(decide(*args, **kwargs))
        return decisions[-1]

    with mock.patch.object(run, "task_instance_scheduling_decisions", noted):
        schedulable, _ = run.update_state(session=session, execute_callbacks=False)
    # An ``EmptyOperator`` ends when it is scheduled.
    has_ended = any(ti.task.inherits_from_empty_operator for ti in schedulable)
    return schedulable, has_ended or any(decision.changed_tis for decision in decisions)


class _OneLook:
    """A trigger that yields the event that a workflow's trigger finds at one look, if any."""

    def __init__(self, message: Any, trigger: Any, snapshots: dict[str, Any]) -> None:
        self.message, self.trigger, self.snapshots = message, trigger, snapshots

    async def run(self) -> Any:
        from airflow.triggers.base import TriggerEvent

        from airflow_dynamic_provider.errors import PlanMismatchError
        from airflow_dynamic_provider.workflows.declared.spec import WorkflowSpec
        from airflow_dynamic_provider.workflows.progress.growth import Snapshot
        from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
        from airflow_dynamic_provider.workflows.progress.stored import DECIDE

        spec = WorkflowSpec.unpack(self.trigger.spec)
        if (known := spec.document()) not in self.snapshots:
            reader = WorkflowReader(self.message.dag_id, self.message.run_id, spec)
            try:
                self.snapshots[known] = Snapshot(reader)
            except PlanMismatchError:
                yield TriggerEvent(DECIDE)
                return
        if (event := await self.trigger.look(self.snapshots[known], self.message)) is not None:
            yield event


def _look(message: Any, trigger: Any, snapshots: dict[str, Any]) -> Any:
    from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor

    look: Any = _OneLook(message, trigger, snapshots)
    return InProcessTestSupervisor.run_trigger_in_process(trigger=look, ti=message)


def read_folder(folder: Path) -> Any:
    """Return the bag of the Dags in a folder, read as Airflow reads it."""
    try:
        from airflow.dag_processing.dagbag import DagBag
    except ImportError:
        # Airflow 3.1 has it elsewhere.
        from airflow.models.dagbag import DagBag
    return DagBag(str(folder))


def start_run(dag: Any, conf: dict[str, Any] | None = None) -> KeptRun:
    """Store a Dag, and a run of it that has not begun."""
    from airflow.models.dagbag import DBDagBag
    from airflow.sdk import timezone
    from airflow.utils.session import create_session
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    register(dag)
    now = timezone.utcnow()
    with create_session() as session:
        scheduler_dag = DBDagBag().get_latest_version_of_dag(dag.dag_id, session=session)
        dag_run = scheduler_dag.create_dagrun(
            run_id=f"manual__{now.isoformat()}",
            logical_date=now,
            data_interval=(now, now),
            run_after=now,
            conf=conf,
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state="queued",
            session=session,
        )
    _check_user_interface(dag, dag_run)
    return KeptRun(dag, dag_run, ApiCalls(), scheduler_dag)


def _of_server(route: Callable[..., Any], dag_bag: Any, session: Any) -> dict[str, Any]:
    """Return the arguments that Airflow's server passes to a route, by the route's own parameters."""
    found: dict[str, Any] = {}
    parameters = inspect.signature(route).parameters
    if "user" in parameters:  # from 3.3 on: who writes a note
        found["user"] = None
    if "resolver" in parameters:  # from 3.4 on: where a task instance is, among loops
        from airflow.models.task_coordinates import TaskCoordinateResolver

        found["resolver"] = TaskCoordinateResolver(dag_bag, session)
    return found


def _update(ti_id: Any, **values: Any) -> None:
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    table = TaskInstance.__table__
    with create_session() as session:
        # No session of this process knows the task instance.
        session.execute(update(table).where(table.c.id == ti_id).values(**values))


def _message(ti: Any) -> Any:
    """Return a task instance in the form that the executor sends to a worker."""
    from airflow.sdk.api.datamodels._generated import TaskInstance

    names = ("id", "task_id", "dag_id", "run_id", "try_number", "map_index", "dag_version_id")
    return TaskInstance.model_validate({name: getattr(ti, name) for name in names})


def register(dag: Any) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.collection import update_dag_parsing_results_in_db
    from airflow.serialization.serialized_objects import LazyDeserializedDAG
    from airflow.utils.session import create_session

    # A task that ends in the triggerer needs a relative path.
    dag.relative_fileloc = dag.relative_fileloc or "dag.py"
    # Airflow does this for every Dag that it reads from a file, before it stores the Dag.
    dag.validate()
    with create_session() as session:
        DagBundlesManager().sync_bundles_to_db(session=session)
        session.commit()
        update_dag_parsing_results_in_db(
            "dags-folder", None, [LazyDeserializedDAG.from_dag(dag)], {}, None, set(), session=session
        )


@contextmanager
def _counting() -> Iterator[ApiCalls]:
    from airflow.sdk.execution_time.supervisor import InProcessSupervisorComms

    calls = ApiCalls()
    send: Callable[..., Any] = InProcessSupervisorComms.send

    def counted(self: Any, msg: Any) -> Any:
        answer = send(self, msg)
        # The calls of a trigger belong to no task instance.
        if (ti := self.supervisor.ti) is not None:
            calls.note((ti.task_id, ti.map_index), msg, answer)
        return answer

    with mock.patch.object(InProcessSupervisorComms, "send", counted):
        yield calls


@contextmanager
def _writing_states() -> Iterator[None]:
    """Make ``dag.test()`` write the states of task instances without loading their runs first."""
    from airflow.models.taskinstance import TaskInstance

    set_state: Callable[..., bool] = TaskInstance.set_state

    def write_state(ti: Any, state: Any, session: Any = None) -> bool:
        if session is not None:
            # A decision of the scheduler.
            return set_state(ti, state, session=session)
        return ti.state != state and _write_state(ti, state)

    with mock.patch.object(TaskInstance, "set_state", write_state):
        yield


def _write_state(ti: Any, state: Any) -> bool:
    """Do what ``TaskInstance.set_state`` does for a task instance that belongs to no session."""
    from airflow.sdk import timezone
    from airflow.utils.session import create_session
    from airflow.utils.state import State
    from sqlalchemy.orm.attributes import set_committed_value

    now = timezone.utcnow()
    read_times, write = _statements()
    key = {f"of_{name}": getattr(ti, name) for name in TI_KEY}
    with create_session(scoped=False) as session:
        start, end = session.execute(read_times, key).one()
        values = {"state": state, "start_date": start or now}
        if state in State.finished or state == "up_for_retry":
            values["end_date"] = end or now
            values["duration"] = (values["end_date"] - values["start_date"]).total_seconds()
        session.execute(write, {**key, **values})
    set_committed_value(ti, "state", state)
    return True


#: The columns that name a task instance. Its id is another one for each retry.
TI_KEY = ("dag_id", "task_id", "run_id", "map_index")


@functools.cache
def _statements() -> tuple[Any, Any]:
    """Return what reads the times of a task instance, and what writes it: they take long to build."""
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import bindparam, select, update

    table = TaskInstance.__table__
    of_ti = [table.c[name] == bindparam(f"of_{name}") for name in TI_KEY]
    return select(table.c.start_date, table.c.end_date).where(*of_ti), update(table).where(*of_ti)


def dag_serialization() -> Any:
    """Return the class that serializes Dags and loads them."""
    from airflow.serialization import serialized_objects

    # Airflow 3.2 moved the functions into a separate class.
    return getattr(serialized_objects, "DagSerialization", None) or serialized_objects.SerializedDAG


def _check_user_interface(dag: Any, run: Any) -> None:
    """Call what Airflow's grid and graph call. They refuse a Dag whose mapped groups depend on themselves."""
    serialization = dag_serialization()
    stored = serialization.deserialize_dag(serialization.serialize_dag(dag))
    for task in dag.tasks:
        assert len(list(task.iter_mapped_task_groups())) <= 1, f"{task.task_id} is in nested mapped groups"
    groups = [stored.task_group]
    while groups:
        group = groups.pop()
        group.topological_sort()
        groups.extend(child for child in group.children.values() if hasattr(child, "children"))
