"""How results are kept over runs, as authors declare it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import DeclarationError

#: The version that stands for the source of the function: each change of the source is a new version.
AUTO = "auto"


@dataclass(frozen=True)
class Cache:
    """Keeps the results of a task over runs, by the task, this version and the inputs.

    Pass it to ``@task.dynamic(cache=...)``, ``@dynamic_workflow(cache=...)``, ``handle.map(fn, cache=...)``,
    or to a ``@task`` that the body of a workflow calls. In the task's process, before the function runs, the
    result for the same inputs is looked up, and used if it is there. Otherwise the function runs, and its
    result is stored if it succeeds. A task instance that was cleared always runs.

    Args:
        version: The version of the function. Another version has other results. ``"auto"`` takes the source
            of the function, but not of the functions that it calls.
        ignored: Names of parameters that do not count as inputs, such as a connection or the task context.
        serialize: Whether the same computation runs only once at a time. Other task instances that need it
            return to the scheduler meanwhile, and hold no worker slot. Refused in batches. A workflow that
            the body of another one calls does not wait.
        expires: The age from which a result is not used, as a `timedelta`. By default, results do not expire.
        salt: A text that separates results, for example of a test system.

    Raises:
        DeclarationError: An argument is refused.

    Example:
        >>> Cache("1", ignored=("verbose",)).version
        '1'
    """

    version: str
    ignored: tuple[str, ...] = ()
    serialize: bool = False
    expires: timedelta | None = None
    salt: str = ""

    def __init__(
        self,
        version: str,
        *,
        ignored: tuple[str, ...] | list[str] = (),
        serialize: bool = False,
        expires: timedelta | None = None,
        salt: str = "",
    ) -> None:
        given = {"version": version, "serialize": serialize, "expires": expires, "salt": salt}
        for name, value in {**given, "ignored": _names(ignored)}.items():
            object.__setattr__(self, name, value)
        self._check()

    @classmethod
    def of(cls, value: object) -> Cache:
        """Return the settings that ``cache=`` stands for.

        Raises:
            DeclarationError: The value is neither a `Cache` nor ``"auto"``.
        """
        if isinstance(value, cls):
            return value
        if value != AUTO:
            raise DeclarationError(
                f"received cache={excerpt(value)} of type {type(value).__name__}",
                remedy='Pass Cache("1") with the version of the function, or "auto" for its source.',
            )
        return cls(AUTO)

    def _check(self) -> None:
        for name, kind, remedy in (
            ("version", str, 'Pass the version of the function, as in Cache("1").'),
            ("serialize", bool, "Pass True or False."),
            ("salt", str, "Pass a string."),
        ):
            if not isinstance(getattr(self, name), kind):
                raise _refused(name, getattr(self, name), remedy)
        if not self.version:
            raise _refused("version", self.version, 'Pass the version of the function, as in Cache("1").')
        if self.expires is not None and not (
            isinstance(self.expires, timedelta) and self.expires > timedelta()
        ):
            raise _refused("expires", self.expires, "Pass a timedelta above 0, or leave it out.")


def _names(ignored: Any) -> tuple[str, ...]:
    if not isinstance(ignored, (tuple, list)) or not all(isinstance(name, str) for name in ignored):
        raise _refused("ignored", ignored, "Pass names of parameters: ignored=('verbose',).")
    return tuple(ignored)


def _refused(name: str, value: object, remedy: str) -> DeclarationError:
    return DeclarationError(f"Cache() received {name}={excerpt(value)}", remedy=remedy)


class FileContent:
    """A path that counts by the content of the file, and not by its name, as an input of a cached task.

    Pass ``FileContent(path)`` as an argument. The function receives this object, which `open` and `os.fspath`
    accept. Or annotate a parameter, as in ``def parse(path: FileContent)``: then the content of the path that
    arrives counts, and the function receives the path itself. The task's process reads the file, or all files
    below a directory, before the function runs.

    Args:
        path: A path, or a URL that Airflow's `ObjectStoragePath` accepts (templated).

    Raises:
        DeclarationError: The path is no text and no path object.

    Example:
        >>> FileContent("/data/orders.csv").path
        '/data/orders.csv'
    """

    # Airflow renders templates in these attributes of an argument.
    template_fields = ("path",)
    counts_by_content = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise DeclarationError(
                f"FileContent() received {excerpt(path)} of type {type(path).__name__}, which is not a path",
                remedy="To pass the output of a task, annotate the parameter that receives it: "
                "def parse(path: FileContent).",
            )
        self.path = os.fspath(path)

    def __fspath__(self) -> str:
        return self.path

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileContent) and self.path == other.path

    def __hash__(self) -> int:
        return hash((FileContent, self.path))

    def __repr__(self) -> str:
        return f"FileContent({self.path!r})"
