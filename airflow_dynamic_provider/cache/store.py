"""Where kept results are: documents below a path of Airflow's `ObjectStoragePath`.

A document appears whole or not at all, whoever writes it at the same time. On most object stores each upload
does that. On a file system, a document is written under another name first.
"""

from __future__ import annotations

import functools
import os
import posixpath
import uuid
from inspect import signature
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from airflow_dynamic_provider.airflow_adapter.configuration import own_option

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The option of the path.
OPTION = "cache_path"

#: The end of the name of each document that is not complete.
_UNFINISHED = ".unfinished"

# The file systems on which an upload replaces a document as a whole.
_REPLACES_AT_ONCE = frozenset(
    {"abfs", "abfss", "adl", "az", "gcs", "gs", "memory", "oci", "oss", "s3", "s3a", "wasb", "wasbs"}
)
_S3 = frozenset({"s3", "s3a"})
_ON_DISK = frozenset({"", "file", "local"})


class Store:
    """Documents below a path, by name. A name has parts that are divided by slashes.

    Args:
        path: An `ObjectStoragePath`.
    """

    def __init__(self, path: Any) -> None:
        self._fs = path.fs
        self._is_on_disk = (path.protocol or "") in _ON_DISK
        self._replaces_at_once = path.protocol in _REPLACES_AT_ONCE
        # Otherwise, s3fs first asks for the length, to read the parts of a long document at the same time. Up
        # to version 2026.2.0, it reads a document whole and has no such option.
        has_option = path.protocol in _S3 and "max_concurrency" in signature(self._fs.cat_file).parameters
        self._whole = {"max_concurrency": 1} if has_option else {}
        root = str(path.path)
        self._root = (os.path.abspath(root) if self._is_on_disk else root).rstrip("/")
        self.shown = str(path)

    def read(self, name: str) -> bytes | None:
        """Return a document, ``None`` if there is none. One call to the object store."""
        try:
            return bytes(self._fs.cat_file(self._path(name), **self._whole))
        except FileNotFoundError:
            return None

    def write(self, name: str, document: bytes) -> None:
        """Store a document, in place of an older one. One call to the object store."""
        path = self._path(name)
        if self._replaces_at_once:
            self._fs.pipe_file(path, document)
            return
        unfinished = self._write_unfinished(path, document)
        if self._is_on_disk:
            os.replace(unfinished, path)
        else:
            self._fs.mv(unfinished, path)

    def create(self, name: str, document: bytes) -> bool:
        """Store a document unless there is one, and return whether it was stored."""
        path = self._path(name)
        try:
            if not self._is_on_disk:
                self._fs.pipe_file(path, document, mode="create")
                return True
            unfinished = self._write_unfinished(path, document)
            try:
                os.link(unfinished, path)
            finally:
                os.unlink(unfinished)
        except FileExistsError:
            return False
        return True

    def delete(self, name: str) -> None:
        """Delete a document, if it is there."""
        try:
            self._fs.rm_file(self._path(name))
        except FileNotFoundError:
            return

    def names(self, below: str = "") -> Iterator[str]:
        """Yield the names of all documents below a name, in order."""
        start = f"{self._root}/{below}".rstrip("/")
        # Another process may have written since.
        self._fs.invalidate_cache()
        for path in sorted(self._fs.find(start)):
            if not path.endswith(_UNFINISHED):
                yield path.removeprefix(self._root).lstrip("/")

    def _write_unfinished(self, path: str, document: bytes) -> str:
        unfinished = f"{path}.{uuid.uuid4().hex}{_UNFINISHED}"
        try:
            self._fs.pipe_file(unfinished, document)
        except FileNotFoundError:
            self._fs.makedirs(posixpath.dirname(path), exist_ok=True)
            self._fs.pipe_file(unfinished, document)
        return unfinished

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"


@functools.cache
def open_store() -> Store:
    """Return the store of this deployment, in the place that ``[dynamic_outputs] cache_path`` names."""
    # Imported here, because it loads fsspec, which takes as long as a task does.
    from airflow.sdk import ObjectStoragePath

    return Store(ObjectStoragePath(own_option(OPTION)))


def folder_of(dag_id: str, task_id: str | None = None) -> str:
    """Return the name below which the documents of a Dag, or of a task, are."""
    return "/".join(_safe(part) for part in (dag_id, task_id) if part is not None)


def ids_of(name: str) -> tuple[str, str]:
    """Return the Dag and the task of a document's name."""
    dag_id, task_id, *_ = name.split("/")
    return unquote(dag_id), unquote(task_id)


def _safe(part: str) -> str:
    # Identifiers may consist of dots, which mean other directories.
    quoted = quote(part, safe="")
    return quoted if quoted.strip(".") else quoted.replace(".", "%2E")
