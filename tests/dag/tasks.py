"""Tasks that the Dags of several test modules use."""

from __future__ import annotations

from airflow.sdk import task
from airflow.sdk.bases import operator

#: Whether Airflow runs a ``@task`` on an ``async def`` (from 3.2 on).
RUNS_ASYNC_TASKS = hasattr(operator, "BaseAsyncOperator")


@task
def double(number):
    return number * 2


@task
def keep(values):
    return values


@task
def pair(left, right):
    return [left, right]
