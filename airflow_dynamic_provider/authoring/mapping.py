"""Evaluates a mapped function once and makes everything it called a clone per key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, TaskGroup, XComArg

from airflow_dynamic_provider.authoring import airflow_graph
from airflow_dynamic_provider.authoring.cloning import make_clone
from airflow_dynamic_provider.authoring.handles import Handle, Item, is_task_output
from airflow_dynamic_provider.authoring.key_space import source_of
from airflow_dynamic_provider.authoring.scope import current_scope, enter_scope
from airflow_dynamic_provider.errors import MapFunctionError
from airflow_dynamic_provider.execution.layout import RETURN_VALUE

if TYPE_CHECKING:
    from collections.abc import Callable


def map_over(handle: Handle, fn: Callable[[Any], Any]) -> Any:
    """Clone what ``fn`` calls, once per key of the handle, and return what it returns as handles.

    Raises:
        MapFunctionError: ``fn`` is no function, nests a map, calls no task, or returns something that is
            not a task's output.
    """
    space = handle.space
    if current_scope() is not None:
        raise _error(handle, "is mapped inside another map", "Map it outside, and use its handle inside.")
    if not callable(fn):
        raise _error(
            handle,
            f"map() takes a function that calls tasks, received {_shown(fn)}",
            "Pass a @task function, a @task_group, or a lambda such as lambda item: my_task(item).",
        )
    dag = space.graph.dag
    tasks_before, groups_before = set(dag.task_ids), airflow_graph.group_ids(dag)
    with enter_scope(space):
        returned = fn(handle.item)
        new = [airflow_graph.get_task(dag, task) for task in dag.task_ids if task not in tasks_before]
        if not new and not isinstance(returned, (Item, Handle)):
            raise _not_an_output(handle, fn, returned)
        for task in new:
            _refuse_nested(handle, task)
            unit = airflow_graph.outermost(task, groups_before)
            space.units[unit.node_id] = [unit]
            space.unit_of[task.task_id] = unit.node_id
        for task in new:
            make_clone(task, space)
        space.graph.arrange()
        return _as_handles(handle, fn, returned)


def _refuse_nested(handle: Handle, task: Any) -> None:
    around = (task, *airflow_graph.mapped_groups_around(task))
    nested = [node for node in around if airflow_graph.is_mapped(node)]
    if nested:
        raise _error(
            handle,
            f"the mapped function expands {nested[0].node_id!r}, and expansions do not nest",
            "Leave expand() out of the mapped function: everything it calls is cloned per key anyway.",
        )


def _as_handles(handle: Handle, fn: Callable[[Any], Any], returned: Any) -> Any:
    if isinstance(returned, tuple):
        handles = [_as_handle(handle, fn, each) for each in returned]
        return type(returned)(*handles) if hasattr(returned, "_fields") else tuple(handles)
    return _as_handle(handle, fn, returned)


def _as_handle(handle: Handle, fn: Callable[[Any], Any], returned: Any) -> Any:
    space = handle.space
    if returned is None or isinstance(returned, TaskGroup):
        return returned
    if isinstance(returned, (Item, Handle)):
        if returned.space is space:
            return Handle(space, returned.source, returned.path)
    elif isinstance(returned, BaseOperator) or is_task_output(returned):
        operator = returned if isinstance(returned, BaseOperator) else returned.operator
        if operator.task_id in space.specs:
            key = RETURN_VALUE if isinstance(returned, BaseOperator) else returned.key
            return Handle(space, *source_of(operator, key))
    raise _not_an_output(handle, fn, returned)


def _not_an_output(handle: Handle, fn: Callable[[Any], Any], returned: Any) -> MapFunctionError:
    name = getattr(fn, "__name__", repr(fn))
    if isinstance(returned, XComArg):
        return _error(
            handle,
            f"the mapped function {name!r} returned {returned!r}, which is not of this key space",
            "Return the output of a task that the function itself calls.",
        )
    return _error(
        handle,
        f"the mapped function {name!r} returned {_shown(returned)}, which is no task's output",
        "It runs once, in the Dag file: decorate it with @task, or have it call tasks and return their "
        "outputs, one or a tuple of them.",
    )


def _shown(value: Any) -> str:
    return f"{value!r} of type {type(value).__name__}"


def _error(handle: Handle, message: str, remedy: str) -> MapFunctionError:
    return MapFunctionError(
        message, task_id=handle.source.task_id, output_name=handle.source.output, remedy=remedy
    )
