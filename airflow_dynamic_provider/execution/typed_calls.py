"""Calls a function with what its annotations say, and returns the stored form of what it returns.

A value that another task has stored under a declared type arrives as that type already. It is converted for a
parameter only if it is plain JSON, as a task without declared types returns it.
"""

from __future__ import annotations

import functools
import inspect
import re
import types
import typing
from collections import abc
from typing import TYPE_CHECKING, Any

import typing_extensions

from airflow_dynamic_provider.airflow_adapter.running import context_keys, current_context
from airflow_dynamic_provider.definitions.annotations import fields_of, is_by_content, types_of
from airflow_dynamic_provider.definitions.codecs.making import codec_of
from airflow_dynamic_provider.definitions.declarations import is_plain
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.definitions.records import Record
from airflow_dynamic_provider.errors import DynamicOutputsError
from airflow_dynamic_provider.execution.collected import CollectedSequence
from airflow_dynamic_provider.execution.typed_values import stored_form

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_KIND = inspect.Parameter

# What this package puts into Airflow's context.
_OWN = re.compile("mapping_key|dynamic_")


def typed(
    function: Callable[..., Any], task_id: str, keep: Callable[[Any, Any], Any] | None = stored_form
) -> Callable[..., Any]:
    """Return a function that takes the types of its parameters, and returns the stored form of its value.

    Args:
        function: The author's function.
        task_id: The task that runs it, which errors name.
        keep: Returns the stored form of a value of a declared type. ``None`` leaves what the function returns
            to Airflow.
    """

    def result(value: Any) -> Any:
        if keep is None:
            return value
        try:
            return keep(value, type_of_result(function, DEFAULT_OUTPUT))
        except DynamicOutputsError as error:
            raise error.about(task_id=task_id, output_name=DEFAULT_OUTPUT) from error.__cause__

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            taken, named = typed_arguments(function, args, kwargs, task_id)
            return result(await function(*taken, **named))

        return call_async

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        taken, named = typed_arguments(function, args, kwargs, task_id)
        return result(function(*taken, **named))

    return call


def typed_arguments(
    function: Callable[..., Any], args: Collection[Any], kwargs: Mapping[str, Any], task_id: str
) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a call as the annotations of the parameters say.

    Raises:
        ParameterTypeError: An argument is not of the annotated type, and not JSON from which one can be made.
    """
    taken = _Taken(function, task_id)
    return (
        [taken.at(position, value) for position, value in enumerate(args)],
        {name: taken.named(name, value) for name, value in kwargs.items()},
    )


def type_of_result(function: Callable[..., Any], output: str) -> Any:
    """Return what the annotation of a function says about an output, ``Any`` if it says nothing."""
    return types_of(function).get("return", Any) if output == DEFAULT_OUTPUT else Any


class _Taken:
    """The arguments that a function takes, by its annotations.

    Args:
        function: The author's function.
        task_id: The task that runs it, which errors name.
    """

    def __init__(self, function: Callable[..., Any], task_id: str) -> None:
        self._task_id = task_id
        self._types = types_of(function)
        self._parameters = _parameters(function)

    def at(self, position: int, value: Any) -> Any:
        """Return a positional argument."""
        positional, others = self._parameters.positional, self._parameters.args
        if position < len(positional):
            name = positional[position]
            return self._converted(value, self._types.get(name, Any), name)
        return self._converted(value, self._types.get(others, Any), f"*{others}")

    def named(self, name: str, value: Any) -> Any:
        """Return an argument by its name."""
        if name in self._parameters.named:
            return self._converted(value, self._types.get(name, Any), name)
        annotation = self._types.get(self._parameters.kwargs, Any)
        # Airflow passes its whole context to a function with ``**kwargs``, with what this package adds.
        if is_plain(annotation) or (_OWN.match(name) and name in (current_context() or ())):
            return value
        if typing_extensions.get_origin(annotation) is typing_extensions.Unpack:
            (fields,) = typing_extensions.get_args(annotation)
            annotation = fields_of(fields).get(name, Any)
        return self._converted(value, annotation, name)

    def _converted(self, value: Any, annotation: Any, name: str) -> Any:
        # Airflow gives None for a value that is missing, whatever the annotation says.
        if value is None or is_plain(annotation) or is_by_content(annotation):
            return value
        annotation = _concrete(annotation, value)
        # Airflow decides what is in the context; in a batch, it may be a stand-in.
        if name in context_keys() or codec_of(annotation).is_identity:
            return value
        # Imported here, because it loads pydantic, and many values need no conversion.
        from airflow_dynamic_provider.execution.converting import Parameter

        return Parameter(name, self._task_id).take(value, annotation)


def _concrete(annotation: Any, value: Any) -> Any:
    """Return the type of a list for an annotation that tells of its items only."""
    is_list = type(value) is list or isinstance(value, CollectedSequence)
    is_abstract = typing.get_origin(annotation) in (abc.Iterable, abc.Collection)
    return types.GenericAlias(list, typing.get_args(annotation)) if is_list and is_abstract else annotation


class _Parameters(Record):
    """The names of the parameters of a function.

    Attributes:
        positional: Those that take one positional argument each.
        named: Those that take one argument by its name.
        args: That of ``*args``; empty if there is none.
        kwargs: That of ``**kwargs``; empty if there is none.
    """

    positional: tuple[str, ...]
    named: frozenset[str]
    args: str
    kwargs: str


@functools.lru_cache(maxsize=1024)
def _parameters(function: Callable[..., Any]) -> _Parameters:
    by_kind: dict[Any, list[str]] = {}
    for each in inspect.signature(function).parameters.values():
        by_kind.setdefault(each.kind, []).append(each.name)
    either = by_kind.get(_KIND.POSITIONAL_OR_KEYWORD, [])
    return _Parameters(
        positional=(*by_kind.get(_KIND.POSITIONAL_ONLY, ()), *either),
        named=frozenset([*either, *by_kind.get(_KIND.KEYWORD_ONLY, ())]),
        args=by_kind.get(_KIND.VAR_POSITIONAL, [""])[0],
        kwargs=by_kind.get(_KIND.VAR_KEYWORD, [""])[0],
    )
