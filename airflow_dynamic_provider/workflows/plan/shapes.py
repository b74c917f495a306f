"""Reads what a function's return annotation says about the promise of its value."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

from airflow_dynamic_provider.definitions.classes import is_class
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.workflows.plan.references import Attribute, Step

if typing.TYPE_CHECKING:
    from collections.abc import Callable


@functools.lru_cache(maxsize=4096)
def return_shape(function: Callable[..., Any]) -> Any:
    """Return the evaluated return annotation: ``Any`` without one, ``NoneType`` for ``-> None``."""
    return shape_of(function, "return")


def shape_of(function: Callable[..., Any], name: str) -> Any:
    """Return the evaluated annotation of a parameter, ``Any`` without one."""
    annotations = getattr(function, "__annotations__", {})
    if name not in annotations:
        return Any
    # Evaluated alone, because the other annotations may use names that only a type checker imports.
    alone = types.SimpleNamespace(__annotations__={name: annotations[name]})
    try:
        return typing.get_type_hints(alone, getattr(function, "__globals__", {}))[name]
    except Exception:
        # Evaluating the author's annotation can raise anything. It then says nothing about the value.
        return Any


def is_valueless(shape: Any) -> bool:
    """Whether the annotation says that the function returns no value."""
    return shape is type(None)


def item_steps(shape: Any) -> list[Step] | None:
    """Return the steps to the items of a value of known length, ``None`` if the length is not known."""
    if is_named_tuple(shape):
        return list(range(len(shape._fields)))
    items = typing.get_args(shape)
    if typing.get_origin(shape) is tuple and items and items[-1] is not Ellipsis:
        return list(range(len(items)))
    return None


def check_items(workflow: str, shape: Any, value: Any) -> None:
    """Refuse a return value of a workflow that lacks the parts in its annotation.

    The parts of a tuple of known length and of a dict are used one by one. For another type, they would be
    the keys of a dict or the characters of a string.

    Raises:
        WorkflowCallError: The value has other parts. The message names the annotation and the value.
    """
    if typing.is_typeddict(shape) or has_any_field(shape):
        _check_dict(workflow, shape, value)
    steps = item_steps(shape)
    if steps is None:
        return
    is_fit = isinstance(value, tuple | list) and len(value) == len(steps)
    if is_fit and not (is_named_tuple(shape) and is_named_tuple(type(value))):
        return
    if is_fit and type(value)._fields == shape._fields:
        return
    raise _differs(workflow, shape, f"returns {excerpt(value)} of type {type(value).__name__}")


def _check_dict(workflow: str, shape: Any, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise _differs(workflow, shape, f"returns {excerpt(value)} of type {type(value).__name__}")
    if missing := sorted(getattr(shape, "__required_keys__", frozenset()) - value.keys()):
        raise _differs(workflow, shape, f"returns {excerpt(value)}, without {missing[0]!r}")


def _differs(workflow: str, shape: Any, what: str) -> WorkflowCallError:
    annotated = shape.__name__ if field_names(shape) is not None else str(shape)
    return WorkflowCallError(
        f"the workflow {workflow!r} is annotated with -> {annotated}, but {what}",
        remedy=f"Return {annotated}, or correct the annotation.",
    )


def field_names(shape: Any) -> list[str] | None:
    """Return the names of the fields of a NamedTuple or a TypedDict, ``None`` for anything else."""
    if is_named_tuple(shape):
        return list(shape._fields)
    return list(shape.__annotations__) if typing.is_typeddict(shape) else None


def has_any_field(shape: Any) -> bool:
    """Whether the annotation is a dict with arbitrary string keys."""
    if shape is dict:
        return True
    items = typing.get_args(shape)
    return typing.get_origin(shape) in (dict, Mapping) and len(items) == 2 and items[0] in (str, Any)


def field_step(shape: Any, name: str) -> Step | None:
    """Return the step to a field of a NamedTuple or a dataclass, ``None`` if it has no such field."""
    if is_named_tuple(shape):
        return shape._fields.index(name) if name in shape._fields else None
    if is_class(shape) and dataclasses.is_dataclass(shape):
        is_field = name in {each.name for each in dataclasses.fields(shape)}
        return Attribute(name) if is_field else None
    return None


def shape_at(shape: Any, step: Step) -> Any:
    """Return the annotation of the part that a step selects, ``Any`` if it is not known."""
    if isinstance(step, Attribute):
        return _hints(shape).get(step.name, Any)
    if is_named_tuple(shape) and isinstance(step, int):
        names = shape._fields
        return _hints(shape).get(names[step], Any) if -len(names) <= step < len(names) else Any
    origin, items = typing.get_origin(shape), typing.get_args(shape)
    if origin is tuple and isinstance(step, int) and items:
        if items[-1] is Ellipsis:
            return items[0]
        return items[step] if -len(items) <= step < len(items) else Any
    if origin is list and items:
        return items[0]
    if origin is dict and len(items) == 2:
        return items[1]
    return Any


def has_index(shape: Any, index: int) -> bool:
    """Whether a value with this annotation can have an index."""
    steps = item_steps(shape)
    return steps is None or -len(steps) <= index < len(steps)


def is_named_tuple(shape: Any) -> bool:
    """Whether an annotation is a NamedTuple class."""
    return is_class(shape) and issubclass(shape, tuple) and hasattr(shape, "_fields")


@functools.lru_cache(maxsize=1024)
def _hints(cls: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(cls)
    except Exception:
        # As above: the author's annotation can raise anything.
        return {}
