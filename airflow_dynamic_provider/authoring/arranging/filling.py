"""Resolves references in arguments of an operator that are not template fields.

Airflow resolves references in template fields only. In other arguments, the operator would get the reference.
"""

from __future__ import annotations

import inspect
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, XComArg

from airflow_dynamic_provider.airflow_adapter import objects
from airflow_dynamic_provider.authoring.references.containers import SEQUENCES, leaves, rebuilt
from airflow_dynamic_provider.authoring.references.refusals import NotAValue
from airflow_dynamic_provider.errors import HandleUsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Objects of these classes hold no reference.
_PLAIN = frozenset({bool, bytes, datetime, float, int, str, timedelta, type(None)})


class Filled(XComArg):
    """An argument in which only references are resolved, and no string is rendered as a template.

    Args:
        value: The argument, as the author gave it.
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def resolve(self, context: Any) -> Any:
        """Return the argument with values for its references. Airflow calls this in the task's process."""
        return _resolve(self.value, context)

    def iter_references(self) -> Iterator[tuple[Any, str]]:
        """Yield the upstream tasks and XCom keys, for Airflow."""
        yield from XComArg.iter_xcom_references(self.value)

    def __deepcopy__(self, memo: dict[int, Any]) -> Filled:
        # It never changes, and its references are recognised by identity.
        return self

    def __repr__(self) -> str:
        return repr(self.value)


def fill_arguments(task: Any) -> bool:
    """Have every reference in an operator's arguments resolved, and set the dependencies.

    Returns:
        Whether there was a reference that Airflow does not resolve by itself.

    Raises:
        HandleUsageError: Airflow itself reads the argument, or the operator did not keep it unchanged.
    """
    filled = [name for name, value in attributes_of(task).items() if any(True for _ in references_in(value))]
    for name in filled:
        # Airflow itself reads the arguments of every operator, before the task runs.
        if name in inspect.signature(BaseOperator.__init__).parameters:
            raise _refuse(task, name, "which Airflow reads before the task runs")
        value = getattr(task, name)
        XComArg.apply_upstream_relationship(task, value)
        task.template_fields = (*task.template_fields, name)
        setattr(task, name, Filled(value))
    _refuse_lost(task)
    return bool(filled)


def references_in(value: Any) -> Iterator[NotAValue]:
    """Return the references to outputs in an argument."""
    return (each for each in leaves(value) if isinstance(each, NotAValue))


def attributes_of(task: Any) -> dict[str, Any]:
    """Return the attributes of an operator that are not template fields, without plain values."""
    return {name: value for name, value in _kept(task).items() if name not in task.template_fields}


def _kept(task: Any) -> dict[str, Any]:
    return _without_plain(objects.attributes_of(task))


def _without_plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that may hold a reference. Most of an operator are plain."""
    return {name: value for name, value in values.items() if type(value) not in _PLAIN}


def _refuse_lost(task: Any) -> None:
    arguments = _without_plain(objects.arguments_of(task))
    given = [(name, each) for name, value in arguments.items() for each in references_in(value)]
    if not given:
        return
    kept = {id(each) for value in _kept(task).values() for each in _all_references(value)}
    for name, each in given:
        if id(each) not in kept:
            raise _refuse(task, name, "which its constructor did not keep unchanged")


def _all_references(value: Any) -> Iterator[NotAValue]:
    return references_in(value.value if isinstance(value, Filled) else value)


def _refuse(task: Any, argument: str, problem: str) -> HandleUsageError:
    fields = ", ".join(type(task).template_fields) or "none"
    return HandleUsageError(
        f"a value that exists only when the Dag runs was passed as {argument}= of {type(task).__name__}, "
        f"{problem}",
        task_id=task.task_id,
        remedy=f"Pass it to one of the template fields ({fields}), or do the work in a @task.",
    )


def _resolve(value: Any, context: Any) -> Any:
    if isinstance(value, NotAValue):
        return value.resolve(context)
    if isinstance(value, dict):
        return {key: _resolve(each, context) for key, each in value.items()}
    if isinstance(value, SEQUENCES):
        return rebuilt(value, [_resolve(each, context) for each in value])
    return value
