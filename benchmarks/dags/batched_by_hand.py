"""Two chained tasks for each of 300 keys, written by hand, for the benchmark of batches."""

from __future__ import annotations

from airflow.sdk import dag, task, task_group

KEYS = 300


@task
def keys():
    """Return the keys."""
    return list(range(KEYS))


@task
def work(number):
    """Do almost nothing."""
    return number + 1


@task
def more(number):
    """Do almost nothing."""
    return number * 2


@task
def gather(values):
    """Read all results."""
    return sum(values)


@task_group
def both(number):
    """Do both for a key."""
    return more(work(number))


@dag(schedule=None)
def batched_by_hand():
    """Expand a task group over the keys."""
    gather(both.expand(number=keys()))


batched_by_hand()
