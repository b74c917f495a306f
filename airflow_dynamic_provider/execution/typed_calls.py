"""Calls a function with what its annotations say, and returns the stored form of what it returns.

A value that another task has stored under a declared type arrives as that type already. It is converted for a
parameter only if it is plain JSON, as a task without declared types returns it.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.airflow_adapter.xcom import is_plain as is_json
from airflow_dynamic_provider.definitions.annotations import is_by_content, types_of
from airflow_dynamic_provider.definitions.codecs.codec import shown
from airflow_dynamic_provider.definitions.codecs.making import codec_of
from airflow_dynamic_provider.definitions.declarations import is_plain
from airflow_dynamic_provider.definitions.keys import DEFAULT_OUTPUT
from airflow_dynamic_provider.errors import DeclarationError, DynamicOutputsError, ParameterTypeError
from airflow_dynamic_provider.execution.collected import CollectedMapping, CollectedSequence
from airflow_dynamic_provider.execution.typed_values import stored_form

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping


def typed(
    function: Callable[..., Any], task_id: str, keep: Callable[[Any, Any], Any] = stored_form
) -> Callable[..., Any]:
    """Return a function that takes the types of its parameters, and returns the stored form of its value.

    Args:
        function: The author's function.
        task_id: The task that runs it, which errors name.
        keep: Returns the stored form of a value of a declared type.
    """

    def result(value: Any) -> Any:
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
    types = types_of(function)
    parameters = _parameters(function)
    names = [*parameters[: len(args)], *([""] * (len(args) - len(parameters)))]
    pairs = zip(names, args, strict=True)
    taken = [_taken(each, types.get(name, Any), name, task_id) for name, each in pairs]
    return taken, {
        name: _taken(each, types.get(name, Any) if name in parameters else Any, name, task_id)
        for name, each in kwargs.items()
    }


def type_of_result(function: Callable[..., Any], output: str) -> Any:
    """Return what the annotation of a function says about an output, ``Any`` if it says nothing."""
    return types_of(function).get("return", Any) if output == DEFAULT_OUTPUT else Any


@functools.lru_cache(maxsize=1024)
def _parameters(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the parameters that take one value each."""
    parameters = inspect.signature(function).parameters.values()
    return tuple(each.name for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD))


@functools.cache
def _of_context() -> frozenset[str]:
    from airflow_dynamic_provider.airflow_adapter.running import context_keys

    return context_keys()


def _taken(value: Any, annotation: Any, name: str, task_id: str) -> Any:
    # Airflow gives None for a value that is missing, whatever the annotation says.
    if value is None or is_plain(annotation) or is_by_content(annotation):
        return value
    # Airflow decides what is in the context; in a batch, it may be a stand-in. A check of a lazy collection
    # would read all of it.
    is_airflows = name in _of_context() or isinstance(value, CollectedSequence | CollectedMapping)
    if is_airflows or codec_of(annotation).is_identity:
        return value
    from airflow_dynamic_provider.definitions.types import check_type, from_json

    try:
        check_type(value, annotation)
    except DeclarationError:
        # The annotation cannot be checked.
        return value
    except DynamicOutputsError as error:
        if not is_json(value):
            raise ParameterTypeError(
                f"the parameter {name!r}: {error.message}",
                task_id=task_id,
                remedy="Correct the annotation, or the type that the task before declares.",
            ) from error
    else:
        return value
    try:
        return from_json(value, annotation)
    except ValueError as error:
        raise ParameterTypeError(
            f"the parameter {name!r} is annotated as {codec_of(annotation).name}, but receives "
            f"{shown(value)} ({error})",
            task_id=task_id,
            remedy="Correct the annotation, or declare the type in the task that produces the value.",
        ) from error
