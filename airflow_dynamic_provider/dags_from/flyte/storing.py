"""Where files of a program are kept between tasks, which may run on machines that share no disk.

In a task, it is the directory or URL of ``[dynamic_outputs] files_path``. In plain Python, it is a temporary
directory of the process.
"""

from __future__ import annotations

import functools
import os
import posixpath
import shutil
import tempfile
import uuid
from typing import Any

from airflow_dynamic_provider.airflow_adapter.configuration import own_option
from airflow_dynamic_provider.airflow_adapter.running import current_context
from airflow_dynamic_provider.dags_from.flyte.contexts import in_working_directory, is_local

#: The option of the path.
OPTION = "files_path"


def is_url(path: str) -> bool:
    """Whether a path names something that is not on a disk of this machine."""
    return "://" in path and not path.startswith("file://")


def new_place(name: str) -> str:
    """Return a path that nothing has yet, for a file or directory of this name."""
    return posixpath.join(_root(), uuid.uuid4().hex, name)


def is_own(place: Any, name: str) -> bool:
    """Whether a place is one that `new_place` returns for a name."""
    if not isinstance(place, str):
        return False
    folder, _, found = place.removeprefix(_root().rstrip("/") + "/").partition("/")
    return found == name and folder.isalnum()


def upload(local: str, place: str) -> str:
    """Copy a file or directory to a place, and return the place."""
    target = _path(place)
    if os.path.isdir(local):
        target.fs.makedirs(target.path, exist_ok=True)
        for folder, _, names in os.walk(local):
            inside = posixpath.normpath(posixpath.join(target.path, os.path.relpath(folder, local)))
            target.fs.makedirs(inside, exist_ok=True)
            for name in names:
                target.fs.put_file(os.path.join(folder, name), posixpath.join(inside, name))
    else:
        target.fs.makedirs(posixpath.dirname(target.path), exist_ok=True)
        target.fs.put_file(local, target.path)
    return place


def download(place: str) -> str:
    """Copy a file or directory into the working directory of the task, and return its path."""
    source = _path(place)
    local = str(in_working_directory(posixpath.basename(place.rstrip("/")) or "file"))
    if not is_url(place):
        # Faster, and it does not need the whole listing of a directory.
        path = source.path
        return shutil.copytree(path, local) if os.path.isdir(path) else str(shutil.copyfile(path, local))
    source.fs.get(source.path, local, recursive=source.fs.isdir(source.path))
    return local


def open_at(place: str, mode: str) -> Any:
    """Open a file at a place."""
    target = _path(place)
    if "r" not in mode:
        target.fs.makedirs(posixpath.dirname(target.path), exist_ok=True)
    return target.open(mode)


def names_in(place: str) -> list[str]:
    """Return the names in a directory at a place."""
    source = _path(place)
    return sorted(
        posixpath.basename(str(each).rstrip("/")) for each in source.fs.ls(source.path, detail=False)
    )


def is_directory(place: str) -> bool:
    """Whether there is a directory at a place."""
    source = _path(place)
    return bool(source.fs.isdir(source.path))


def lasts(place: str) -> bool:
    """Whether later tasks can read what is at a place.

    A task may call a workflow as plain Python. What it stores then is lost with the process.
    """
    is_used = _temporary.cache_info().currsize > 0
    return is_local(current_context()) or not (is_used and place.startswith(_temporary()))


def _path(place: str) -> Any:
    from airflow.sdk import ObjectStoragePath

    return ObjectStoragePath(place)


def _root() -> str:
    return _temporary() if is_local(current_context()) else own_option(OPTION)


@functools.cache
def _temporary() -> str:
    import atexit

    root = tempfile.mkdtemp(prefix="flyte-files-")
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root
