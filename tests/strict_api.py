"""Has Airflow's execution API refuse that a task instance writes or deletes XComs of another one.

A later Airflow answers 403 to it (apache/airflow pull request 70969), and keeps allowing it to whatever runs
in the process of its API: ``dag.test()`` and triggers. Here it is refused in all of them, so that no test
hides what fails on a cluster. `install` stands for every process: the one of the tests, those of a live
Airflow, and programs that tests start.

Nothing but what a process imports anyway is patched, at the time when it has been imported.
"""

from __future__ import annotations

import contextvars
import functools
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from wrapt import when_imported

if TYPE_CHECKING:
    from types import ModuleType

#: Tells an API without tokens, one in the same process, which task instance asks.
CALLER_HEADER = "Tests-Task-Instance-Id"

#: The same for the requests of triggers, from Airflow 3.4 on.
TRIGGER_HEADER = "Airflow-Trigger-Ti-Id"

#: The same between a triggerer's two processes.
_SIGNATURE = "tests_task_instance_id"

_READS = ("GET", "HEAD", "OPTIONS")

_LOCAL_SETTINGS = """\
import strict_api

strict_api.install()
"""


def install() -> None:
    """Have all APIs of this process refuse foreign writes, and all their callers say who they are."""
    when_imported("airflow.api_fastapi.execution_api.app")(_refuse)
    when_imported("airflow.sdk.execution_time.supervisor")(_name_tasks)
    when_imported("airflow.jobs.triggerer_job_runner")(_name_triggers)


def write_local_settings(folder: Path, more: str = "") -> None:
    """Have `install` called in every Airflow process that has a folder on its import path.

    Airflow itself has ``$AIRFLOW_HOME/config`` there.

    Args:
        folder: The folder, which is made.
        more: What else the local settings of Airflow hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{Path(__file__).stem}.py").write_text(Path(__file__).read_text())
    (folder / "airflow_local_settings.py").write_text(_LOCAL_SETTINGS + more)


class _Overrides(dict[Any, Any]):
    """The replaced dependencies of an API, of which one stays as it is."""

    def __init__(self, dependency: Any, replacement: Any) -> None:
        super().__init__({dependency: replacement})
        self._kept = dependency

    def __setitem__(self, dependency: Any, replacement: Any) -> None:
        # An API in the same process would allow everything.
        if dependency is not self._kept:
            super().__setitem__(dependency, replacement)


def _refuse(app_module: ModuleType) -> None:
    build = app_module.create_task_execution_api_app

    @functools.wraps(build)
    def build_strict(*args: Any, **kwargs: Any) -> Any:
        from airflow.api_fastapi.execution_api.routes.xcoms import has_xcom_access

        app = build(*args, **kwargs)
        app.dependency_overrides = _Overrides(has_xcom_access, _check(has_xcom_access))
        return app

    app_module.create_task_execution_api_app = build_strict  # type: ignore[attr-defined]


def _check(has_xcom_access: Any) -> Any:
    """Return the dependency that stands for Airflow's own."""
    from airflow.api_fastapi.common.db.common import SessionDep
    from airflow.models.taskinstance import TaskInstance
    from fastapi import HTTPException, Request
    from sqlalchemy import select

    # Up to Airflow 3.1 the ids of task instances are texts in the database.
    to_id = str if TaskInstance.id.type.python_type is str else UUID
    #: What yields the token is called differently in each Airflow.
    current_token = inspect.signature(has_xcom_access).parameters["token"].default

    def check(request, session, token=current_token):  # type: ignore[no-untyped-def]
        if request.method in _READS:
            return True
        headers = request.headers
        caller = headers.get(CALLER_HEADER) or headers.get(TRIGGER_HEADER) or str(token.id)
        owner = select(
            TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index
        ).where(TaskInstance.id == to_id(caller))
        own = session.execute(owner).one_or_none()
        path = request.path_params
        map_index = int(request.query_params.get("map_index", -1))
        target = (path["dag_id"], path["run_id"], path["task_id"], map_index)
        if own is None or tuple(own) != target:
            raise HTTPException(403, {"reason": "access_denied", "message": refusal(own, target)})
        return True

    # FastAPI would look for the names of annotations in this module, which imports nothing of it.
    check.__annotations__ = {"request": Request, "session": SessionDep}
    return check


def refusal(own: Any, target: Any) -> str:
    """Return what is said to a task instance, each named by Dag, run, task and map index."""
    named = "no task instance" if own is None else "/".join(map(str, own))
    return f"XComs of {'/'.join(map(str, target))} cannot be written by {named}"


def _name_tasks(supervisor: ModuleType) -> None:
    """Have tasks and triggers in ``dag.test()`` say which task instance they are or wait for."""
    in_process = supervisor.InProcessTestSupervisor
    initialize = in_process.__init__

    @functools.wraps(initialize)
    def initialize_named(self: Any, *args: Any, **kwargs: Any) -> None:
        initialize(self, *args, **kwargs)
        self.client.headers[CALLER_HEADER] = str(self.id)

    in_process.__init__ = initialize_named


class _Signed:
    """A message of a trigger, with the task instance that waits for the trigger."""

    def __init__(self, message: Any, ti_id: str) -> None:
        self._message = message
        self._ti_id = ti_id

    def model_dump(self) -> dict[str, Any]:
        return {**self._message.model_dump(), _SIGNATURE: self._ti_id}


class _Decoder:
    """Reads messages of triggers, and keeps who has sent the last one."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self.ti_id: str | None = None

    def validate_python(self, body: dict[str, Any]) -> Any:
        self.ti_id = body.pop(_SIGNATURE, None)
        return self._decoder.validate_python(body)


def _name_triggers(triggerer: ModuleType) -> None:
    """Have triggers say which task instance waits for them, in a triggerer's two processes."""
    supervisor = triggerer.TriggerRunnerSupervisor
    if hasattr(supervisor, "_request_scope"):
        # Airflow 3.4 does so by itself.
        return
    _sign_messages(triggerer)
    supervisor.decoder = decoder = _Decoder(supervisor.decoder)
    handle = supervisor._handle_request

    @functools.wraps(handle)
    def handle_named(self: Any, msg: Any, log: Any, req_id: int) -> None:
        self.client.headers[CALLER_HEADER] = decoder.ti_id or _NOBODY
        handle(self, msg, log, req_id)

    supervisor._handle_request = handle_named


#: The task instance of what is no trigger of a task.
_NOBODY = "00000000-0000-0000-0000-000000000000"


def _sign_messages(triggerer: ModuleType) -> None:
    waiting: contextvars.ContextVar[str | None] = contextvars.ContextVar("waiting", default=None)
    run_trigger = triggerer.TriggerRunner.run_trigger
    asend = triggerer.TriggerCommsDecoder.asend

    @functools.wraps(run_trigger)
    async def run_trigger_named(self: Any, trigger_id: int, trigger: Any, *args: Any, **kwargs: Any) -> Any:
        # Each runs as an asyncio task of its own, whose context is copied into the threads that it uses.
        if trigger.task_instance is not None:
            waiting.set(str(trigger.task_instance.id))
        return await run_trigger(self, trigger_id, trigger, *args, **kwargs)

    @functools.wraps(asend)
    async def asend_signed(self: Any, msg: Any) -> Any:
        ti_id = waiting.get()
        is_signed = ti_id is None or isinstance(msg, _Signed)
        return await asend(self, msg if is_signed else _Signed(msg, str(ti_id)))

    triggerer.TriggerRunner.run_trigger = run_trigger_named
    triggerer.TriggerCommsDecoder.asend = asend_signed
