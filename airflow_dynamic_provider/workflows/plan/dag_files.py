"""Finds classes that a plan names and that are defined in the Dag file of the task.

Airflow puts a hash of the path into the name of a Dag file's module. On a machine where the file has another
path, its module has another name, and the modules of two files called ``flows.py`` differ only in the hash.
``airflow dags test`` imports a file twice, so that there are two classes of each name. Therefore a class of a
Dag file is looked up in one place only: in the import of the file that made the task.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import may_load
from airflow_dynamic_provider.definitions.classes import is_class
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import LayoutError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import FrameType

_DAG_MODULE = re.compile(r"unusual_prefix_[0-9a-f]{40}_(?P<stem>.+)")


class DagFile(Record, eq=False):
    """One import of a Dag file.

    Attributes:
        module: The name that Airflow gives to its module.
        names: Name -> the object that the file defines.
    """

    module: str
    names: Mapping[str, Any]

    def __deepcopy__(self, memo: Any) -> DagFile:
        """Return itself: Airflow copies tasks, and a module is not part of a task."""
        return self


class _Running(Record):
    task_id: str
    dag_file: DagFile | None


_RUNNING: ContextVar[_Running | None] = ContextVar("dynamic_workflow_task", default=None)


def dag_file_being_read() -> DagFile | None:
    """Return the Dag file whose code is calling, ``None`` if there is none, as in a program."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__", ""))
        if _DAG_MODULE.fullmatch(module):
            return DagFile(module, frame.f_globals)
        frame = frame.f_back
    return None


@contextlib.contextmanager
def running(task_id: str, dag_file: DagFile | None) -> Iterator[None]:
    """Look up classes in a task's Dag file inside the block. Runs in the task's process."""
    token = _RUNNING.set(_Running(task_id, dag_file))
    try:
        yield
    finally:
        _RUNNING.reset(token)


def running_dag_file() -> DagFile | None:
    """Return the Dag file of the running task, ``None`` if there is none."""
    now = _RUNNING.get()
    return None if now is None else now.dag_file


def running_task_id() -> str | None:
    """Return the id of the running task, ``None`` if there is none."""
    now = _RUNNING.get()
    return None if now is None else now.task_id


def is_of_another_dag_file(cls: type) -> bool:
    """Whether a class is defined in a Dag file other than that of the running task."""
    own = running_dag_file()
    return own is not None and _stem(cls.__module__) is not None and cls.__module__ != own.module


def are_one_class(cls: type, other: Any) -> bool:
    """Whether two classes are the same, or come from two imports of one class in a Dag file."""
    if cls is other:
        return True
    if _stem(cls.__module__) is None or not is_class(other):
        return False
    return (cls.__module__, cls.__qualname__) == (other.__module__, other.__qualname__)


def find(module: str, qualname: str) -> Any:
    """Return the object with a name in a module, ``None`` if there is none.

    Raises:
        LayoutError: The module is a Dag file other than that of the running task, it cannot be imported, or
            it is not imported and Airflow may not load a class from it.
    """
    first, *others = qualname.split(".")
    own = running_dag_file()
    if own is not None and (stem := _stem(module)) is not None:
        if stem != _stem(own.module):
            raise LayoutError(
                f"the class {qualname!r} belongs to the Dag file {stem}.py, but this task belongs to "
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


def address_of(cls: type) -> str:
    """Return the name by which `class_at` finds a class."""
    return f"{cls.__module__}:{cls.__qualname__}"


def class_at(address: Any) -> Any:
    """Return the object that `address_of` names, ``None`` if there is none.

    Raises:
        LayoutError: See `find`.
    """
    module, _, qualname = str(address).partition(":")
    return find(module, qualname)


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
    """Return a module. Import one only if Airflow's own stored values may name it too."""
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
