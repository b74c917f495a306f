"""Two chained tasks for each key, for the benchmark: written by hand, and with this package."""

from __future__ import annotations

from airflow.sdk import dag, task, task_group

KEYS = 40


@task
def keys():
    """Return the keys."""
    return [f"key-{number}" for number in range(KEYS)]


@task
def work(key):
    """Do almost nothing."""
    return len(key)


@task
def more(key, length):
    """Do almost nothing."""
    return f"{key} {length}"


@task
def gather(values):
    """Read all results."""
    return len(list(values))


@task_group
def both(key):
    """Do both for a key."""
    return more(key, work(key))


@dag(schedule=None)
def keys_by_hand():
    """Expand a task group over the keys."""
    gather(both.expand(key=keys()))


keys_by_hand()
