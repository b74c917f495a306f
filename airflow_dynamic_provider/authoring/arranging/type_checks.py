"""Refuses a mapped function whose parameter can never take the values that it is given."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airflow_dynamic_provider.authoring.references.item import Item
from airflow_dynamic_provider.definitions.annotations import types_of
from airflow_dynamic_provider.definitions.codecs.making import codec_of
from airflow_dynamic_provider.definitions.types import has_instances
from airflow_dynamic_provider.errors import MapFunctionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def refuse_other_classes(
    task_id: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Refuse the call of a function with a value of a class that the annotation of a parameter rules out.

    Only classes of the author's are compared. What can be converted, or cannot be told apart here, is checked
    when the task runs.

    Args:
        task_id: The task that runs the function.
        function: The function.
        args: Its positional arguments.
        kwargs: Its arguments by name.

    Raises:
        MapFunctionError: The declared class and the annotated one have no object in common.
    """
    annotations = types_of(function)
    names = list(inspect.signature(function).parameters)
    for name, value in [*zip(names, args, strict=False), *kwargs.items()]:
        if not isinstance(value, Item) or value.path or name not in annotations:
            continue
        declared, annotated = getattr(value.source, "type", Any), annotations[name]
        if _are_apart(declared, annotated):
            raise MapFunctionError(
                f"{function.__name__!r} takes {name!r} as {_name(annotated)}, but {value.source} gives "
                f"{_name(declared)}",
                task_id=task_id,
                remedy="Correct the annotation or the declared type. A value is never converted from one "
                "class to another.",
            )


def _are_apart(declared: Any, annotated: Any) -> bool:
    if not (has_instances(declared) and has_instances(annotated)) or not codec_of(declared).has_classes:
        return False
    return not (issubclass(declared, annotated) or issubclass(annotated, declared))


def _name(cls: type) -> str:
    return cls.__qualname__
