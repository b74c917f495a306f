"""Checks ``tasks=[...]`` of a workflow: it may list everything that a body can call."""

from __future__ import annotations

import functools
import types
from typing import Any

from airflow_dynamic_provider.airflow_adapter import objects
from airflow_dynamic_provider.definitions.classes import is_class
from airflow_dynamic_provider.definitions.excerpts import excerpt
from airflow_dynamic_provider.errors import WorkflowError

#: The attribute that marks `map_task`, so that it is recognized without an import.
MAPS_MARK = "_dynamic_workflow_maps"

#: The attribute of an object that calls tasks or workflows for a body: a tuple of them.
CALLS_MARK = "_dynamic_workflow_calls"

#: The attribute of a class that makes a plain value of its arguments. The call can be made when the Dag file
#: is read, if all its arguments are constants.
CONSTANT_MARK = "_dynamic_workflow_constant"

#: The attribute of a class of tasks whose calls may have settings that the code shows in another way than by
#: ``override``: a function that yields such tasks, and whether each is mapped, for the calls and names of a
#: body.
VARIATIONS_MARK = "_dynamic_workflow_variations"

_REMEDY = (
    "tasks= takes @task functions, task groups, operator classes, workflows and map_task(task), also under "
    "override or functools.partial."
)


class Mapped:
    """A task to be mapped over a list in a body. Made by `map_task`.

    Args:
        decorator: The ``@task`` function.
    """

    def __init__(self, decorator: Any) -> None:
        self.decorator = decorator


def check_tasks(tasks: Any, workflow: str, workflow_class: type) -> tuple[Any, ...] | None:
    """Return the entries of ``tasks=``, ``None`` if it is left out.

    Args:
        tasks: The author's argument.
        workflow: The name of the workflow.
        workflow_class: The class of workflows.

    Raises:
        WorkflowError: It is not a list, or a body cannot call one of its entries.
    """
    if tasks is None:
        return None
    if not isinstance(tasks, list | tuple):
        raise WorkflowError(
            f"tasks= of the workflow {workflow!r} must be a list, received {excerpt(tasks)}",
            remedy="Write tasks=[task, BashOperator, workflow].",
        )
    for each in tasks:
        called = _behind_partial(each)
        if not _can_be_called(called, workflow_class):
            noun, remedy = _refusal(called)
            raise WorkflowError(f"tasks= of the workflow {workflow!r} lists {noun}", remedy=remedy)
    return tuple(tasks)


def _behind_partial(value: Any) -> Any:
    while isinstance(value, functools.partial):
        value = value.func
    return value


def _can_be_called(value: Any, workflow_class: type) -> bool:
    return (
        isinstance(value, (workflow_class, Mapped))
        or objects.is_task_decorator(value)
        or objects.is_task_group(value)
        or objects.is_operator_class(value)
    )


def _refusal(value: Any) -> tuple[str, str]:
    """Return the description of a refused entry for a message, and the remedy."""
    if isinstance(value, str):
        return f"the string {excerpt(value)}", "List the function itself, without quotes."
    if isinstance(value, types.FunctionType | types.MethodType):
        if getattr(value, MAPS_MARK, False) is True:
            return "map_task without a task", "List each task that is mapped: map_task(task)."
        return (
            f"the function {value.__name__!r}, which is not a task",
            "Put @task above it, or list the tasks that it calls.",
        )
    if is_class(value):
        return f"the class {value.__name__!r}, which is not an operator class", _REMEDY
    if isinstance(value, list | tuple | set | frozenset | dict):
        unpacked = "*steps.values()" if isinstance(value, dict) else "*steps"
        return f"a {type(value).__name__}", f"Unpack it: tasks=[{unpacked}]."
    if objects.is_operator(value):
        return (
            f"the operator {value.task_id!r}, which is a task of the Dag",
            f"List its class, {type(value).__name__}, or with settings functools.partial(class, pool=...).",
        )
    return f"{excerpt(value)} of type {type(value).__name__}", _REMEDY
