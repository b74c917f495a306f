"""A workflow that calls itself with what only a running node knows."""

from __future__ import annotations

import time
from datetime import timedelta

from airflow.sdk import dag, task

from airflow_dynamic_provider import dynamic_workflow

SECONDS = 0.5

RETRIES = {"retries": 3, "retry_delay": timedelta(0)}

VALUES = [5, 3, 8, 1, 9, 2, 7]


@task
def split(values):
    """Part a list."""
    time.sleep(SECONDS)
    middle = len(values) // 2
    return [values[:middle], values[middle:]]


@task
def merge(left, right):
    """Make one sorted list of two."""
    time.sleep(SECONDS)
    return sorted(left + right)


@dynamic_workflow
def sort(values):
    """Sort by parting, as deep as the list asks for."""
    if len(values) < 2:
        return values
    parts = split(values)
    return merge(sort(parts[0]), sort(parts[1]))


@task
def keep(values):
    """Return what it is given."""
    return values


def expected_recursion():
    """Return what ``recursion`` must give."""
    return sorted(VALUES)


@dag(schedule=None, default_args=RETRIES)
def recursion():
    """Three levels of plans."""
    keep(sort(VALUES))


recursion()
