"""What Airflow's own objects are, for those that clone and record them: questions, and a stand-in."""

from __future__ import annotations

from typing import Any

# Where an operator keeps what its constructor was given.
_ARGUMENTS = "_BaseOperator__init_kwargs"


def is_operator(value: Any) -> bool:
    """Whether this is a classic operator, or an operator that Airflow expands."""
    from airflow.sdk import BaseOperator
    from airflow.sdk.definitions.mappedoperator import MappedOperator

    return isinstance(value, BaseOperator | MappedOperator)


def is_operator_class(value: Any) -> bool:
    """Whether this is a class of operators that a body may call."""
    from airflow.sdk import BaseOperator, BaseSensorOperator

    bases = (BaseOperator, BaseSensorOperator)
    return isinstance(value, type) and issubclass(value, BaseOperator) and value not in bases


def is_task_decorator(value: Any) -> bool:
    """Whether this is what ``@task`` makes of a function."""
    # Airflow's own mark, by which it recognises them as well. Of the class: an instance may be a placeholder,
    # which has every attribute that it is asked for.
    return getattr(type(value), "_airflow_is_task_decorator", False) is True


class TaskDecorator:
    """Is to Airflow what ``@task`` makes of a function."""

    # Airflow's own mark, by which it recognises them.
    _airflow_is_task_decorator = True


def is_plain_function(decorator: Any) -> bool:
    """Whether what ``@task`` made runs its function in the task's process, and returns what that returns."""
    # Private: the class of such operators, which Airflow does not export.
    return str(decorator.operator_class.__name__) == "_PythonDecoratedOperator"


def arguments_of(operator: Any) -> dict[str, Any]:
    """Return what an operator's constructor was given."""
    # Private: Airflow keeps them to make mapped operators; an operator need not keep them as attributes.
    given: dict[str, Any] = vars(operator).get(_ARGUMENTS, {})
    return given


def attributes_of(operator: Any) -> dict[str, Any]:
    """Return what an operator keeps, without the arguments as its constructor was given them."""
    own = vars(operator)
    return {name: own[name] for name in sorted(own) if not name.startswith("_BaseOperator__")}


def orderable_class() -> Any:
    """Return the class that all that Airflow can order is a subclass of."""
    # Private: Airflow exports only its subclasses.
    from airflow.sdk.definitions._internal.mixins import DependencyMixin

    return DependencyMixin


def is_task_group(value: Any) -> bool:
    """Whether this is a function under ``@task_group``."""
    from airflow.sdk.definitions.decorators.task_group import _TaskGroupFactory

    return isinstance(value, _TaskGroupFactory)


def chooses_tasks(operator_class: type) -> bool:
    """Whether an operator chooses the tasks that run after it, and skips the others by their names."""
    # By name: branches, short circuits and the like of every provider share this base, wherever it is from.
    return any(base.__name__ == "SkipMixin" for base in operator_class.__mro__)


def stand_in() -> Any:
    """Return what an operator's constructor gets in place of a promise: a reference as in a Dag file."""
    from airflow.sdk import XComArg

    from airflow_dynamic_provider.airflow_adapter.operators import EmptyOperator

    return XComArg(EmptyOperator(task_id="__promise__"))
