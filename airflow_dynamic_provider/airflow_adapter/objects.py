"""Answers questions about Airflow's own objects. The code that clones and records them asks."""

from __future__ import annotations

from typing import Any

# The attribute in which an operator keeps the arguments of its constructor.
_ARGUMENTS = "_BaseOperator__init_kwargs"


def is_operator(value: Any) -> bool:
    """Return whether this is a classic operator, or an operator that Airflow expands."""
    from airflow.sdk import BaseOperator
    from airflow.sdk.definitions.mappedoperator import MappedOperator

    return isinstance(value, BaseOperator | MappedOperator)


def is_operator_class(value: Any) -> bool:
    """Return whether this is a class of operators that a body may call."""
    from airflow.sdk import BaseOperator, BaseSensorOperator

    # Imported here, because only bodies of workflows name such classes.
    from airflow_dynamic_provider.definitions.classes import is_class

    bases = (BaseOperator, BaseSensorOperator)
    return is_class(value) and issubclass(value, BaseOperator) and value not in bases


def is_task_decorator(value: Any) -> bool:
    """Return whether this is a function decorated with ``@task``."""
    # Airflow's own mark, by which Airflow recognises them as well. It is read from the class, because an
    # instance may be a placeholder, which has every attribute.
    return getattr(type(value), "_airflow_is_task_decorator", False) is True


class TaskDecorator:
    """A base class whose instances Airflow treats as functions decorated with ``@task``."""

    # Airflow's own mark, by which Airflow recognises them.
    _airflow_is_task_decorator = True


def is_plain_function(decorator: Any) -> bool:
    """Return whether a ``@task`` runs its function in the task's process, and returns its return value."""
    return runs_plain_function(decorator.operator_class)


def runs_plain_function(operator_class: type) -> bool:
    """Return whether an operator runs a function in the task's process, and returns its return value."""
    # Private: Airflow does not export the class of such operators.
    return operator_class.__name__ == "_PythonDecoratedOperator"


def is_annotated(function: Any) -> bool:
    """Return whether a function has an annotation, so that its types may matter."""
    return bool(getattr(function, "__annotations__", None) or getattr(function, "__wrapped__", None))


def settings_of_one_run(operator: Any) -> list[str]:
    """Return the arguments of an operator that are set and that apply to a task instance as a whole."""
    # Private names of public arguments.
    found = {
        "pre_execute": operator._pre_execute_hook,
        "post_execute": operator._post_execute_hook,
        "templates_dict": getattr(operator, "templates_dict", None),
        "setup": operator.is_setup,
        "teardown": operator.is_teardown,
    }
    return [name for name, value in found.items() if value]


def arguments_of(operator: Any) -> dict[str, Any]:
    """Return the arguments of an operator's constructor."""
    # Private: Airflow keeps them to create mapped operators. An operator may not have them as attributes.
    given: dict[str, Any] = vars(operator).get(_ARGUMENTS, {})
    return given


def attributes_of(operator: Any) -> dict[str, Any]:
    """Return the attributes of an operator, without Airflow's copy of its constructor's arguments."""
    own = vars(operator)
    return {name: own[name] for name in sorted(own) if not name.startswith("_BaseOperator__")}


def orderable_class() -> Any:
    """Return the base class of everything that Airflow can order."""
    # Private: Airflow exports only its subclasses.
    from airflow.sdk.definitions._internal.mixins import DependencyMixin

    return DependencyMixin


def is_task_group(value: Any) -> bool:
    """Return whether this is a function decorated with ``@task_group``."""
    from airflow.sdk.definitions.decorators.task_group import _TaskGroupFactory

    return isinstance(value, _TaskGroupFactory)


def chooses_tasks(operator_class: type) -> bool:
    """Return whether an operator chooses the tasks that run after it, and skips the others by name."""
    # By name, because this base of branches, short circuits and so on is not always in the same module.
    return any(base.__name__ == "SkipMixin" for base in operator_class.__mro__)


def stand_in() -> Any:
    """Return the reference that an operator's constructor receives instead of a promise."""
    from airflow.sdk import XComArg

    from airflow_dynamic_provider.airflow_adapter.operators import EmptyOperator

    return XComArg(EmptyOperator(task_id="__promise__"))
