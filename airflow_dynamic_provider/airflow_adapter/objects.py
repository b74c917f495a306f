"""What Airflow's own objects are, for those that clone and record them: questions, and a stand-in."""

from __future__ import annotations

from typing import Any


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
    from airflow.providers.standard.operators.empty import EmptyOperator
    from airflow.sdk import XComArg

    return XComArg(EmptyOperator(task_id="__promise__"))
