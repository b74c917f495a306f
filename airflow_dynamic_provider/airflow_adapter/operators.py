"""The classes of Airflow from which the package makes its own operators, references and decorators.

The Dag file uses them, and so does every process that loads one. `airflow.sdk` exports only `BaseOperator`.
The Python operators and the empty operator come with the standard provider, which every Airflow 3 has. The
factory of task decorators is documented for authors of decorators.
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
    """Call functions before and after a task runs, in addition to those of its author.

    Args:
        task: The operator.
        before: Called with the context.
        after: Called with the context and the result.
        chain: Combines the author's function, which may be ``None``, and the package's.
    """
    # Private names of public arguments, which cannot be passed because the operator already exists.
    task._pre_execute_hook = chain(task._pre_execute_hook, before)
    task._post_execute_hook = chain(task._post_execute_hook, after)
