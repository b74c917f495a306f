"""``FlyteFile`` and ``FlyteDirectory``: files that travel between tasks by reference."""

from __future__ import annotations

import functools
import os
import posixpath
from typing import Any

from airflow_dynamic_provider.dags_from.flyte import storing
from airflow_dynamic_provider.dags_from.flyte.contexts import in_working_directory
from airflow_dynamic_provider.dags_from.flyte.places import ByPlace


class _Stored:
    """A file or directory, on this machine or elsewhere. It is fetched when it is used.

    Args:
        path: A path or a URL.
        downloader: Unused: the file is fetched through Airflow.
        remote_path: Where it is stored for later tasks, ``False`` to leave it where it is.
    """

    #: As an input of a cached task, its content counts, not its place.
    counts_by_content = True

    def __init__(self, path: Any, downloader: Any = None, remote_path: Any = None) -> None:
        self._source: str = os.fspath(path)
        self._local = None if storing.is_url(self._source) else self._source
        self._remote_path = remote_path
        self._is_stored = False

    @classmethod
    def __flyte_accepts__(cls, value: Any) -> bool:
        return isinstance(value, (str, os.PathLike, _Stored))

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return ByPlace(cls._to_place, cls._of_place).__get_pydantic_core_schema__(source, handler)

    @classmethod
    def _of_place(cls, place: Any) -> Any:
        if not isinstance(place, str):
            raise ValueError("it is not the path or URL of a file")
        found = cls(place)
        # It belongs to another task, so a copy is fetched.
        found._local, found._is_stored = None, True
        return found

    @classmethod
    def _to_place(cls, value: Any) -> str:
        held = value if isinstance(value, _Stored) else cls(value)
        is_there = held._is_stored and storing.lasts(held._source)
        if is_there or storing.is_url(held._source) or held._remote_path is False:
            return held._source
        local = held._source
        if not os.path.exists(local):
            raise FileNotFoundError(f"there is no file or directory {local!r}")
        name = os.path.basename(os.path.abspath(local))
        return storing.upload(local, held._remote_path or storing.new_place(name))

    @property
    def path(self) -> str:
        """The path on this machine. It is fetched if it is not here yet."""
        return self.download()

    @property
    def remote_source(self) -> str:
        """Where it came from."""
        return self._source

    @property
    def remote_path(self) -> Any:
        """Where it is stored for later tasks, if the program says so."""
        return self._remote_path

    def download(self) -> str:
        """Fetch it, and return its path on this machine."""
        if self._local is None:
            self._local = storing.download(self._source)
        return self._local

    def __fspath__(self) -> str:
        return self.download()

    def __str__(self) -> str:
        return self.download()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._source!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Stored) and self._source == other._source

    def __hash__(self) -> int:
        return hash(self._source)


class FlyteFile(_Stored):
    """A file that travels between tasks by reference. ``FlyteFile["csv"]`` says what is in it."""

    @classmethod
    def extension(cls) -> str:
        """Return the kind of file that the annotation says."""
        return ""

    def __class_getitem__(cls, kind: Any) -> Any:
        return of_kind(cls, str(kind).lstrip("."))  # type: ignore[arg-type]

    @classmethod
    def new_remote_file(cls, name: str | None = None) -> FlyteFile:
        """Return a file that is written where later tasks read it."""
        made = cls(storing.new_place(name or "file"))
        made._is_stored, made._local = True, None
        return made

    @classmethod
    def from_source(cls, source: str) -> FlyteFile:
        """Return a file at a path or URL."""
        return cls(source)

    @classmethod
    def new(cls, name: str) -> FlyteFile:
        """Return a file in the working directory of the task."""
        return cls(in_working_directory(name))

    def open(self, mode: str = "r", **_: Any) -> Any:
        """Open the file where it is, without fetching the whole of it."""
        return storing.open_at(self._source if self._local is None else self._local, mode)


class FlyteDirectory(_Stored):
    """A directory that travels between tasks by reference."""

    @classmethod
    def extension(cls) -> str:
        """Return the kind of files that the annotation says."""
        return ""

    def __class_getitem__(cls, kind: Any) -> Any:
        return of_kind(cls, str(kind))  # type: ignore[arg-type]

    @classmethod
    def new_remote(cls, stem: str | None = None) -> FlyteDirectory:
        """Return a directory that is written where later tasks read it."""
        made = cls(storing.new_place(stem or "directory"))
        made._is_stored, made._local = True, None
        return made

    @classmethod
    def new(cls, dirname: str) -> FlyteDirectory:
        """Return a directory in the working directory of the task."""
        path = in_working_directory(dirname)
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def from_source(cls, source: str) -> FlyteDirectory:
        """Return a directory at a path or URL."""
        return cls(source)

    @classmethod
    def listdir(cls, directory: FlyteDirectory) -> list[FlyteFile | FlyteDirectory]:
        """Return what is in a directory, without fetching it."""
        root = directory._source if directory._local is None else directory._local
        found: list[FlyteFile | FlyteDirectory] = []
        for name in storing.names_in(root):
            place = posixpath.join(root, name)
            kind = FlyteDirectory if storing.is_directory(place) else FlyteFile
            found.append(kind._of_place(place) if directory._local is None else kind(place))
        return found

    def new_file(self, name: str | None = None) -> FlyteFile:
        """Return a file in the directory."""
        place = posixpath.join(self._source if self._local is None else self._local, name or "file")
        return FlyteFile._of_place(place) if self._local is None else FlyteFile(place)

    def new_dir(self, name: str | None = None) -> FlyteDirectory:
        """Return a directory in the directory."""
        place = posixpath.join(self._source if self._local is None else self._local, name or "directory")
        if self._local is None:
            return type(self)._of_place(place)  # type: ignore[no-any-return]
        os.makedirs(place, exist_ok=True)
        return FlyteDirectory(place)

    def crawl(self, topdown: bool = True, **_: Any) -> Any:
        """Yield the directory and the path in it of each file, after fetching it."""
        root = self.download()
        for folder, _folders, names in os.walk(root, topdown=topdown):
            for name in names:
                yield root, os.path.relpath(os.path.join(folder, name), root)


@functools.lru_cache(maxsize=256)
def of_kind(cls: Any, kind: str) -> Any:
    """Return the class for files or directories of a kind, as ``FlyteFile["csv"]`` does."""
    return type(
        cls.__name__, (cls,), {"extension": classmethod(lambda _: kind), "__module__": cls.__module__}
    )
