"""The classes of Airflow that the package's own operators, references and decorators are made of.

Used in the Dag file and in every process that loads one. `airflow.sdk` has `BaseOperator` only: the operators
of functions and the empty operator come with the standard provider, which every Airflow 3 has, and what makes
a task decorator is documented for makers of decorators.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk.bases.decorator import DecoratedOperator, task_decorator_factory
from airflow.sdk.definitions.xcom_arg import PlainXComArg

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "DecoratedOperator",
    "EmptyOperator",
    "PlainXComArg",
    "PythonOperator",
    "run_around",
    "task_decorator_factory",
]


def run_around(
    task: Any, before: Callable[[Any], None], after: Callable[[Any, Any], None], chain: Callable[..., Any]
) -> None:
    """Have functions called before and after a task runs, together with those that its author gave.

    Args:
        task: The operator.
        before: Called with the context.
        after: Called with the context and the result.
        chain: Makes one function of the author's, which may be ``None``, and the package's.
    """
    # Private names of public arguments: the operator exists already, so they cannot be passed to it.
    task._pre_execute_hook = chain(task._pre_execute_hook, before)
    task._post_execute_hook = chain(task._post_execute_hook, after)
