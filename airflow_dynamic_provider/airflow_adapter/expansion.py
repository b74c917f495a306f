"""Tells what a mapped task, or the mapped group that it is in, is expanded over."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any

from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.definitions.xcom_arg import PlainXComArg

from airflow_dynamic_provider.airflow_adapter.in_memory import refusal
from airflow_dynamic_provider.airflow_adapter.xcom import deserialize

#: For each argument: its length, or the task whose return value has the length.
Inputs = tuple[int | str, ...]


def group_of(task: Any) -> Any:
    """Return the mapped group that a task is in, ``None`` if there is none."""
    return next(iter(task.iter_mapped_task_groups()), None)


def inputs_of(task: Any) -> Inputs | None:
    """Return what a task is expanded over, ``None`` if it runs once.

    Raises:
        LocalRunError: Only Airflow's scheduler can tell how often it runs.
    """
    group = group_of(task)
    if isinstance(task, MappedOperator) and group is not None:
        raise refusal("is expanded inside a group that is expanded", task.task_id)
    if isinstance(task, MappedOperator):
        # Private: the scheduler finds what a task is expanded over here, and tells nobody else.
        return tuple(_input(value, task) for value in _values(task._get_specified_expand_input()))
    return None if group is None else tuple(_input(value, task) for value in _values(group._expand_input))


def native(stored: Any) -> Any:
    """Return a value from its stored JSON."""
    return deserialize(stored)


def _values(expand_input: Any) -> list[Any]:
    value = expand_input.value
    return list(value.values()) if isinstance(value, dict) else [value]


def _input(value: Any, task: Any) -> int | str:
    if isinstance(value, PlainXComArg) and group_of(value.operator) is None:
        if not isinstance(value.operator, MappedOperator):
            return str(value.operator.task_id)
    elif isinstance(value, Sized):
        return len(value)
    raise refusal("is expanded over values that only Airflow's scheduler counts", task.task_id)
