"""The Dag file that a task is of: where a class is found that a plan names and that is defined there.

Airflow names the module of a Dag file by a hash of its path. The same file has another name on a machine
where it lies elsewhere, and the modules of two files called ``flows.py`` differ in nothing but the hash.
Under ``airflow dags test`` one file is imported twice, and then there are two classes of each name. So a
class of a Dag file is looked for in one place only: in that import of the file that has made the task.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import may_load
from airflow_dynamic_provider.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

_DAG_MODULE = re.compile(r"unusual_prefix_[0-9a-f]{40}_(?P<stem>.+)")


@dataclass(frozen=True, eq=False)
class DagFile:
    """One import of a Dag file.

    Attributes:
        module: What Airflow calls its module.
        names: What is defined in it.
    """

    module: str
    names: Mapping[str, Any]

    def __deepcopy__(self, memo: Any) -> DagFile:
        """Return itself: Airflow copies tasks, and a module is no part of one."""
        return self


@dataclass(frozen=True)
class _Running:
    task_id: str
    dag_file: DagFile | None


_RUNNING: ContextVar[_Running | None] = ContextVar("dynamic_workflow_task", default=None)


def dag_file_being_read() -> DagFile | None:
    """Return the Dag file whose code is calling; ``None`` where there is none, as in a program."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if _DAG_MODULE.fullmatch(module):
            return DagFile(module, frame.f_globals)
        frame = frame.f_back
    return None


@contextlib.contextmanager
def running(task_id: str, dag_file: DagFile | None) -> Iterator[None]:
    """Have classes found in a task's Dag file inside the block. In the task's process."""
    token = _RUNNING.set(_Running(task_id, dag_file))
    try:
        yield
    finally:
        _RUNNING.reset(token)


def running_dag_file() -> DagFile | None:
    """Return the Dag file of the task that runs, ``None`` where there is none."""
    now = _RUNNING.get()
    return None if now is None else now.dag_file


def running_task_id() -> str | None:
    """Return the task that runs, ``None`` where there is none."""
    now = _RUNNING.get()
    return None if now is None else now.task_id


def is_of_another_dag_file(cls: type) -> bool:
    """Whether a class is defined in a Dag file that is not that of the task that runs."""
    own = running_dag_file()
    return own is not None and _stem(cls.__module__) is not None and cls.__module__ != own.module


def are_one_class(cls: type, other: Any) -> bool:
    """Whether two classes are the same, or are it in two imports of one Dag file."""
    if cls is other:
        return True
    if _stem(cls.__module__) is None or not isinstance(other, type):
        return False
    return (cls.__module__, cls.__qualname__) == (other.__module__, other.__qualname__)


def find(module: str, qualname: str) -> Any:
    """Return what has a name in a module, ``None`` if nothing has.

    Raises:
        LayoutError: The module is a Dag file, and not that of the task that runs; it cannot be imported; or
            nothing has imported it and Airflow may not load a class of it.
    """
    first, *others = qualname.split(".")
    own = running_dag_file()
    if own is not None and (stem := _stem(module)) is not None:
        if stem != _stem(own.module):
            raise LayoutError(
                f"the class {qualname!r} is of the Dag file {stem}.py, and this task is of "
                f"{_stem(own.module)}.py",
                task_id=running_task_id(),
                remedy="Clear the planning task with its downstream tasks, so that it plans again.",
            )
        found = own.names.get(first)
    else:
        found = getattr(_imported(module, qualname), first, None)
    for name in others:
        found = getattr(found, name, None)
    return found


def place_of(cls: type) -> str:
    """Return where a class is defined, for a message."""
    try:
        return inspect.getfile(cls)
    except (TypeError, OSError):
        return cls.__module__


def _stem(module: str) -> str | None:
    match = _DAG_MODULE.fullmatch(module)
    return None if match is None else match["stem"]


def _imported(name: str, qualname: str) -> Any:
    """Return a module; a stored name has none imported that Airflow's own values may not name either."""
    if name in sys.modules:
        return sys.modules[name]
    if not may_load(f"{name}.{qualname}"):
        raise LayoutError(
            f"the module {name!r} of the class {qualname!r} in a plan is not imported by the Dag file",
            task_id=running_task_id(),
            remedy="Import it at the top of the Dag file, or add the class to "
            "[core] allowed_deserialization_classes.",
        )
    try:
        return importlib.import_module(name)
    except (ImportError, ValueError) as error:
        raise LayoutError(
            f"the module {name!r} of a class in a plan cannot be imported: {error}", task_id=running_task_id()
        ) from error
