"""Runs the call of one key in another process, and brings back what became of it.

Only the task's own process talks to Airflow. The other process receives the function, its arguments and a
small context. It returns an envelope: the outcome, the metadata and the log lines of the key.
"""

from __future__ import annotations

import logging
import os
import pickle
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.running import CallRefused, current_context, make_current
from airflow_dynamic_provider.definitions.keys import render_key
from airflow_dynamic_provider.definitions.records import Record, field
from airflow_dynamic_provider.errors import DynamicOutputsError
from airflow_dynamic_provider.execution.batches.calling import Call, Outcome, failed, run_call
from airflow_dynamic_provider.execution.batches.contexts import BatchContext, KeyMetadata
from airflow_dynamic_provider.execution.clones import RUNTIME_KEY
from airflow_dynamic_provider.execution.metadata import GATHERED_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_dynamic_provider.execution.batches.policies import Judge

#: What the context of a key in another process has, besides the key. All of it can be pickled.
_SENT = (
    "data_interval_end",
    "data_interval_start",
    "ds",
    "ds_nodash",
    "logical_date",
    "run_id",
    "ts",
    "ts_nodash",
    "ts_nodash_with_tz",
)


class LogLine(Record):
    """A line that a function logged in another process."""

    logger: str
    level: int
    message: str


class Envelope(Record):
    """What comes back from another process.

    Attributes:
        outcome: What became of the call.
        metadata: The metadata that the function added, by output.
        lines: What it logged.
        keys: The metadata that it added to single dynamic outputs, by output and mapping key.
    """

    outcome: Outcome
    metadata: Mapping[str, Any]
    lines: Sequence[LogLine]
    keys: Mapping[str, Any] = field(default_factory=dict)


class RemoteRuntime(Record):
    """The clone that runs in another process, as far as its function can ask for it."""

    key_path: tuple[str, ...]
    task_id: str

    @property
    def mapping_key(self) -> str:
        """The whole key, ``outer/inner`` for a path."""
        return render_key(self.key_path)

    @property
    def spec(self) -> RemoteRuntime:
        """Itself: `add_output_metadata` asks for the outputs of the task."""
        return self

    @property
    def stored_outputs(self) -> set[str]:
        """The outputs besides the return value. There are none."""
        return set()


class RemoteContext(dict[str, Any]):
    """The context of a key in another process. It names what is missing, and why."""

    def __missing__(self, name: str) -> Any:
        raise missing(name, self.get("mapping_key"))


class RemoteCall(Record):
    """A call that another process can run.

    Attributes:
        function: The function and the judge, pickled; ``None`` if the process has them already.
        args: Its positional arguments.
        kwargs: Its arguments by name.
        context: What the context has.
        key_path: The key path.
        task_id: The task.
    """

    function: bytes | None
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    context: Mapping[str, Any]
    key_path: tuple[str, ...]
    task_id: str

    @classmethod
    def of(cls, call: Call, function: bytes | None) -> RemoteCall:
        """Return a call in the form in which it is sent."""
        runtime = call.context[RUNTIME_KEY]
        sent = sent_context(call.context)
        return cls(function, call.args, call.kwargs, sent, runtime.key_path, runtime.spec.task_id)


def sent_context(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the context of a key has in another process. All of it can be pickled."""
    sent: dict[str, Any] = {name: context[name] for name in _SENT if name in context}
    sent["params"] = dict(context.get("params") or {})
    sent["conf"] = dict(getattr(context.get("dag_run"), "conf", None) or {})
    return sent


class Missing:
    """Stands for something of the context that another process does not have.

    Args:
        name: Its name in the context.
        mapping_key: The key.
    """

    def __init__(self, name: str, mapping_key: str) -> None:
        self.__dict__.update(_name=name, _mapping_key=mapping_key)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            # Python itself asks, for example when the object is pickled.
            raise AttributeError(name)
        raise missing(self._name, self._mapping_key)


def missing(name: str, mapping_key: str | None) -> DynamicOutputsError:
    """Return the error for something of the context that another process does not have."""
    return DynamicOutputsError(
        f"the context has no {name!r} in another process, which cannot talk to Airflow",
        mapping_key=mapping_key,
        remedy='Use runner="threads", or pass what the function needs as an argument.',
    )


def arguments_context(context: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return the context from which the parameters of a function in another process are filled.

    Args:
        context: The context of the key.
        names: The names of the parameters.
    """
    key = str(context["mapping_key"])
    known = {**sent_context(context), "mapping_key": key, "mapping_key_path": context["mapping_key_path"]}
    return {**{name: Missing(name, key) for name in names if name in context}, **known}


_INHERITED: list[Any] = []

_LINES: ContextVar[list[LogLine] | None] = ContextVar("dynamic_key_lines", default=None)


def inherit(function: Any, judge: Judge | None) -> None:
    """Prepare a process that was forked from the task's.

    It has the function, and what asks the retry policy.
    """
    _INHERITED[:] = [function, judge]
    _leave_task_process()


def _leave_task_process() -> None:
    """Have a process that was forked from the task's not use the socket and the log of the task's process."""
    from airflow_dynamic_provider.airflow_adapter.running import forget_current, refuse_calls

    refuse_calls('a function that runs in another process: use runner="threads"')
    forget_current()
    logging.getLogger().handlers.clear()


def run_remotely(call: RemoteCall) -> Envelope:
    """Run a call in this process, which is not the task's."""
    function, judge = _INHERITED if call.function is None else pickle.loads(call.function)
    runtime = RemoteRuntime(call.key_path, call.task_id)
    gathered = KeyMetadata(key_path=call.key_path)
    context = RemoteContext(
        {
            **call.context,
            "mapping_key": runtime.mapping_key,
            "mapping_key_path": call.key_path,
            RUNTIME_KEY: runtime,
            GATHERED_KEY: gathered,
        }
    )
    lines: list[LogLine] = []
    token = _LINES.set(lines if _prepare_process(os.getpid()) else None)
    try:
        outcome = run_call(Call(function, call.args, call.kwargs, context, judge))
    except CallRefused as error:
        refused = DynamicOutputsError(str(error), task_id=call.task_id, mapping_key=runtime.mapping_key)
        outcome = failed(refused)
    finally:
        _LINES.reset(token)
    return Envelope(outcome, gathered.outputs, lines, gathered.keys)


class _Collecting(logging.Handler):
    """Collects what is logged for the key that the current thread runs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Collect a record."""
        lines = _LINES.get()
        if lines is not None:
            lines.append(LogLine(record.name, record.levelno, record.getMessage()))


@cache
def _prepare_process(pid: int) -> bool:
    """Prepare this process for keys, unless it is the task's own. Return whether it is another process."""
    current = current_context()
    if isinstance(current, BatchContext):
        if current.pid == pid:
            # An executor of threads in the task's process.
            return False
        # An executor that forks the task's process.
        _leave_task_process()
    make_current(BatchContext())
    root = logging.getLogger()
    root.addHandler(_Collecting())
    root.setLevel(min(root.level, logging.INFO))
    return True
