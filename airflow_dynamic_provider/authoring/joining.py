"""Joins the keys of two handles: equal keys, or every key with every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

from airflow_dynamic_provider.authoring.key_spaces import joined_space
from airflow_dynamic_provider.authoring.model.scope import current_scope
from airflow_dynamic_provider.authoring.references.item import KeyedValues
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import HandleUsageError
from airflow_dynamic_provider.execution.spaces import How

if TYPE_CHECKING:
    from airflow_dynamic_provider.authoring.model.dag_graph import KeySpace
    from airflow_dynamic_provider.execution.spaces import Space

_ZIPS = tuple(how for how in get_args(How) if how != "product")


def zipped_space(left: KeyedValues, right: Any, how: str) -> KeySpace:
    """Return the key space of two handles that are joined by key."""
    if how not in _ZIPS:
        raise _refuse(
            left, f"cannot be zipped with how={how!r}", f"Use one of {', '.join(map(repr, _ZIPS))}."
        )
    enclosing = _enclosing(left, right, "zip")
    depths = [handle.space.spec.depth for handle in (left, right)]
    if depths[0] != depths[1]:
        raise _refuse(
            left,
            f"has {depths[0]} keys in a path and cannot be zipped with {right.source}, which has {depths[1]}",
            "Zip handles of the same depth, or use product() to pair every key with every key.",
        )
    return joined_space(left.space, right.space, cast("How", how), enclosing)


def product_space(left: KeyedValues, right: Any) -> KeySpace:
    """Return the key space that pairs every key of a handle with every key of another."""
    enclosing = _enclosing(left, right, "product")
    return joined_space(left.space, right.space, "product", enclosing)


def _enclosing(left: KeyedValues, right: Any, method: str) -> KeySpace | None:
    """Return the key space of the map in which both handles are joined, if any."""
    if not isinstance(right, KeyedValues):
        raise _refuse(
            left,
            f"{method}() takes another handle, received {excerpt(right)} of type {type(right).__name__}",
            "Pass a handle that a @task.dynamic or a map() returned.",
        )
    if left.space.graph is not right.space.graph:
        raise _refuse(
            left, f"{method}() takes a handle of the same Dag, received {right!r}", "Join inside one Dag."
        )
    scope = current_scope()
    if scope is None:
        return None
    for handle in (left, right):
        if not _is_below(handle.space.spec, scope.space.spec):
            raise _refuse(
                handle,
                f"is joined by {method}() inside a map, but was not made in it",
                "Join handles of dynamic tasks that the mapped function itself calls, or join outside.",
            )
    return scope.space


def _is_below(space: Space, around: Space) -> bool:
    return around in space.spaces_around()


def _refuse(handle: KeyedValues, message: str, remedy: str) -> HandleUsageError:
    return HandleUsageError(
        message, task_id=handle.source.task_id, output_name=handle.source.output, remedy=remedy
    )
