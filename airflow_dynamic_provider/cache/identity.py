"""The key of a computation: the task, its version and its inputs."""

from __future__ import annotations

import hashlib
import inspect
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airflow_dynamic_provider.cache.encoding import UnhashableError, digest
from airflow_dynamic_provider.definitions.annotations import declaring, is_by_content, key_form_of, types_of
from airflow_dynamic_provider.definitions.cache import AUTO, Cache, FileContent
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import DeclarationError, UncacheableInputError

# The rules by which keys are made. Other rules would give other keys to the same inputs.
_RULES = 1


class Identity(Record):
    """What a computation is identified by.

    Attributes:
        dag_id: The Dag.
        task_id: The task; of a node, the workflow and its kind.
        version: The version of the function, resolved.
        key: The key, in hexadecimal.
    """

    dag_id: str
    task_id: str
    version: str
    key: str


class Computation:
    """A cached function of a task, which turns inputs into keys.

    Args:
        cache: The author's settings.
        function: The author's function.
        dag_id: The Dag.
        task_id: The task; of a node, the workflow and its kind.
    """

    def __init__(self, cache: Cache, function: Callable[..., Any], dag_id: str, task_id: str) -> None:
        self.cache = cache
        self.dag_id = dag_id
        self.task_id = task_id
        self.version = version_of(cache, function, task_id)
        self._name = getattr(function, "__qualname__", type(function).__qualname__)
        self._signature = inspect.signature(function)
        self._files = _parameters_by_content(function)
        self._form_of = key_form_of(function)

    def identify(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Identity:
        """Return what a call of the function is identified by.

        Args:
            args: The positional arguments.
            kwargs: The arguments by name.

        Raises:
            UncacheableInputError: An argument cannot be hashed.
        """
        inputs = {name: self._digest(name, value) for name, value in self._bind(args, kwargs).items()}
        salted = [_RULES, self.dag_id, self.task_id, self._name, self.version, self.cache.salt, inputs]
        return Identity(self.dag_id, self.task_id, self.version, digest(salted))

    def _bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        return {name: value for name, value in bound.arguments.items() if name not in self.cache.ignored}

    def _digest(self, name: str, value: Any) -> str:
        try:
            form = self._form_of(name, value)
            return digest(_by_content(form) if name in self._files else form)
        except UnhashableError as error:
            raise UncacheableInputError(
                f"its argument {name!r} cannot be part of the key of a cached result: {error}; "
                f"it is {excerpt(value)}",
                task_id=self.task_id,
                remedy=f"If it does not change the result, leave it out: Cache(..., ignored=({name!r},)). "
                "Otherwise pass plain data.",
            ) from error


def read_cache(cache: object, function: Callable[..., Any], task_id: str) -> Cache:
    """Return the settings of a cached function. Call it in the Dag file.

    Args:
        cache: A `Cache`, or ``"auto"``.
        function: The author's function.
        task_id: The task, for messages.

    Raises:
        DeclarationError: It is something else, or ``ignored=`` names no parameter of the function.
    """
    try:
        settings = Cache.of(cache)
    except DeclarationError as error:
        raise error.about(task_id=task_id) from None
    known = list(inspect.signature(function).parameters)
    for name in settings.ignored:
        if name not in known:
            raise DeclarationError(
                f"its cache ignores {name!r}, but the function has no such parameter",
                task_id=task_id,
                remedy=f"Its parameters are {', '.join(map(repr, known)) or 'none'}.",
            )
    return settings


def version_of(cache: Cache, function: Callable[..., Any], task_id: str) -> str:
    """Return the version of a cached function, which for ``"auto"`` is the hash of its source.

    Raises:
        DeclarationError: The source is not available.
    """
    if cache.version != AUTO:
        return cache.version
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(function)))
    except (OSError, TypeError) as error:
        raise DeclarationError(
            f"its cache takes the source of the function as version, but has none: {error}",
            task_id=task_id,
            remedy='Name the version: Cache("1").',
        ) from error
    return f"{AUTO}:{hashlib.blake2b(source.encode(), digest_size=8).hexdigest()}"


def _parameters_by_content(function: Callable[..., Any]) -> frozenset[str]:
    """Return the parameters whose annotation names `FileContent`."""
    types = types_of(function)
    raw = getattr(declaring(function), "__annotations__", {})
    # An annotation that cannot be evaluated is a text, which names the marker all the same.
    return frozenset(
        name
        for name, annotation in raw.items()
        if is_by_content(types.get(name, annotation))
        or (name not in types and FileContent.__name__ in str(annotation))
    )


def _by_content(value: Any) -> Any:
    """Return a value in which each path counts by the content of its file."""
    if isinstance(value, (str, os.PathLike)) and not isinstance(value, FileContent):
        return FileContent(value)
    if isinstance(value, Mapping):
        return {key: _by_content(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_by_content(each) for each in value]
    return value
