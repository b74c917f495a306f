"""Refuses values that a body may not pass on or return, because a plan cannot hold them."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_dynamic_provider.airflow_adapter.objects import is_operator, is_task_decorator
from airflow_dynamic_provider.errors import WorkflowCallError
from airflow_dynamic_provider.workflows.declared.definition import WorkflowDefinition
from airflow_dynamic_provider.workflows.recording.promises import GroupCall, Promise

if TYPE_CHECKING:
    from airflow_dynamic_provider.workflows.recording.recorder import Recorder

#: The attribute, on a named tuple of a task's promises for several outputs, that holds the task's name.
OUTPUTS_MARK = "_dynamic_workflow_outputs_of"

# Values of these types are checked item by item, or cannot contain promises.
_SEEN_BY_ITEM = (list, tuple, dict, str, bytes, int, float, set, frozenset)


def refuse_unplannable(value: Any, recorder: Recorder) -> None:
    """Refuse a value that cannot be part of a plan.

    Raises:
        WorkflowCallError: It can be read only once, refers to the Dag file, was not called, or contains a
            hidden promise.
    """
    if (task := getattr(type(value), OUTPUTS_MARK, None)) is not None:
        _refuse(
            f"the outputs of {task!r} are passed on or returned all together",
            f"Use one of them, such as {task}.{value._fields[0]}, or put them into a dict.",
        )
    if isinstance(value, _SEEN_BY_ITEM):
        return
    _refuse_lazy(value)
    _refuse_reference(value, recorder)
    # Imported here, because most values are of JSON's types.
    from airflow_dynamic_provider.workflows.plan.objects import field_names

    packed = set(field_names(value) or ())
    attributes = getattr(value, "__dict__", {})
    if any(_holds_promise(item) for name, item in attributes.items() if name not in packed):
        _refuse(
            f"a promise is inside a {type(value).__name__}, which a plan stores unchanged",
            "Use a dataclass, a NamedTuple, a dict or a list, or build the object in a task.",
        )


def _refuse_lazy(value: Any) -> None:
    if isinstance(value, Iterator | range | KeysView | ValuesView | ItemsView) or hasattr(
        type(value), "__await__"
    ):
        _refuse(
            f"a {type(value).__name__} is passed on or returned, but a plan cannot store it",
            "Convert it to a list: list(...).",
        )


def _refuse_reference(value: Any, recorder: Recorder) -> None:
    if isinstance(value, GroupCall):
        _refuse(f"the task group {value.label!r} returns nothing, so it has no value", "Order it with >>.")
    if is_operator(value):
        made_here = recorder.entry_of(value) is not None
        _refuse(
            f"the operator {value.task_id!r} itself is passed on or returned",
            "Use its output: operator.output." if made_here else "Make it in the body.",
        )
    if _is_of_dag_file(value):
        _refuse(
            "a reference to a task of the Dag file is used in the body",
            "Pass it to the workflow as an argument: the body then receives its value.",
        )
    if is_task_decorator(value) or isinstance(value, WorkflowDefinition):
        name = getattr(value, "__name__", "the task")
        _refuse(f"{name!r} itself is passed on or returned, not its output", f"Call it: {name}(...).")


def _is_of_dag_file(value: Any) -> bool:
    """Whether a call in a Dag file returned this: Airflow's reference to an output; a handle is one too."""
    from airflow.sdk import XComArg

    return isinstance(value, XComArg)


def _holds_promise(value: Any) -> bool:
    if isinstance(value, Promise):
        return True
    if isinstance(value, dict):
        return any(map(_holds_promise, value.values()))
    if isinstance(value, list | tuple):
        return any(_holds_promise(item) for item in value)
    return False


def _refuse(message: str, remedy: str) -> NoReturn:
    raise WorkflowCallError(message, remedy=remedy)
