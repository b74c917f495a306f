"""Tasks that the Dags of several test modules use."""

from __future__ import annotations

from airflow.sdk import task


@task
def double(number):
    return number * 2


@task
def keep(values):
    return values


@task
def pair(left, right):
    return [left, right]
