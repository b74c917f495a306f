"""Makes Airflow's execution API refuse to let a task instance write or delete XComs of another one.

A later Airflow answers 403 (apache/airflow pull request 70969), but still allows it in the process of its
API: for ``dag.test()`` and triggers. Here all of them are refused, so that no test hides a failure on a
cluster. `install` is called in every process: that of the tests, those of a live Airflow, and programs that
tests start.

It patches only modules that a process imports anyway, after their import.
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

#: The header that names the task instance to an API without tokens in the same process.
CALLER_HEADER = "Tests-Task-Instance-Id"

#: The same for the requests of triggers since Airflow 3.4.
TRIGGER_HEADER = "Airflow-Trigger-Ti-Id"

#: The same between a triggerer's two processes.
_SIGNATURE = "tests_task_instance_id"

_READS = ("GET", "HEAD", "OPTIONS")

_LOCAL_SETTINGS = """\
import strict_api

strict_api.install()
"""


def install() -> None:
    """Make all APIs of this process refuse foreign writes, and all their callers identify themselves."""
    when_imported("airflow.api_fastapi.execution_api.app")(_refuse)
    when_imported("airflow.sdk.execution_time.supervisor")(_name_tasks)
    when_imported("airflow.jobs.triggerer_job_runner")(_name_triggers)


def write_local_settings(folder: Path, more: str = "") -> None:
    """Call `install` in every Airflow process that has a folder on its import path.

    Airflow puts ``$AIRFLOW_HOME/config`` there.

    Args:
        folder: The folder, which is created.
        more: Further code of Airflow's local settings.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{Path(__file__).stem}.py").write_text(Path(__file__).read_text())
    (folder / "airflow_local_settings.py").write_text(_LOCAL_SETTINGS + more)


class _Overrides(dict[Any, Any]):
    """The overridden dependencies of an API, one of which cannot be changed again."""

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
    """Return the dependency that replaces Airflow's own."""
    from airflow.api_fastapi.common.db.common import SessionDep
    from airflow.models.taskinstance import TaskInstance
    from fastapi import HTTPException, Request
    from sqlalchemy import bindparam, select

    # Up to Airflow 3.1 the database stores the ids of task instances as strings.
    to_id = str if TaskInstance.id.type.python_type is str else UUID
    #: The dependency that yields the token has another name in each Airflow.
    current_token = inspect.signature(has_xcom_access).parameters["token"].default

    # Built once, because building it takes longer than SQLite takes to answer it.
    owner = select(
        TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index
    ).where(TaskInstance.id == bindparam("caller"))

    def check(request, session, token=current_token):  # type: ignore[no-untyped-def]
        if request.method in _READS:
            return True
        headers = request.headers
        caller = headers.get(CALLER_HEADER) or headers.get(TRIGGER_HEADER) or str(token.id)
        own = session.execute(owner, {"caller": to_id(caller)}).one_or_none()
        path = request.path_params
        map_index = int(request.query_params.get("map_index", -1))
        target = (path["dag_id"], path["run_id"], path["task_id"], map_index)
        if own is None or tuple(own) != target:
            raise HTTPException(403, {"reason": "access_denied", "message": refusal(own, target)})
        return True

    # FastAPI would resolve annotations in this module, which imports nothing of FastAPI.
    check.__annotations__ = {"request": Request, "session": SessionDep}
    return check


def refusal(own: Any, target: Any) -> str:
    """Return the refusal for a task instance; both are named by Dag, run, task and map index."""
    named = "no task instance" if own is None else "/".join(map(str, own))
    return f"XComs of {'/'.join(map(str, target))} cannot be written by {named}"


def _name_tasks(supervisor: ModuleType) -> None:
    """Make tasks and triggers in ``dag.test()`` name the task instance that they run or serve."""
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
    """Reads messages of triggers, and keeps the sender of the last one."""

    def __init__(self, decoder: Any) -> None:
        self._decoder = decoder
        self.ti_id: str | None = None

    def validate_python(self, body: dict[str, Any]) -> Any:
        self.ti_id = body.pop(_SIGNATURE, None)
        return self._decoder.validate_python(body)


def _name_triggers(triggerer: ModuleType) -> None:
    """Make triggers name the task instance that waits for them, in a triggerer's two processes."""
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


#: The task instance of a trigger without a task.
_NOBODY = "00000000-0000-0000-0000-000000000000"


def _sign_messages(triggerer: ModuleType) -> None:
    waiting: contextvars.ContextVar[str | None] = contextvars.ContextVar("waiting", default=None)
    run_trigger = triggerer.TriggerRunner.run_trigger
    asend = triggerer.TriggerCommsDecoder.asend

    @functools.wraps(run_trigger)
    async def run_trigger_named(self: Any, trigger_id: int, trigger: Any, *args: Any, **kwargs: Any) -> Any:
        # Each trigger is an asyncio task of its own, whose context is copied into the threads that it uses.
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
