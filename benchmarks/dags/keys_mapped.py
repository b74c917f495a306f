"""The program of ``keys.py`` with this package. A file of its own: the other one must not import it."""

from __future__ import annotations

from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput

KEYS = 40


@task.dynamic(out=DynamicOut(str))
def keys():
    """Yield the keys."""
    for number in range(KEYS):
        yield DynamicOutput(f"key-{number}", mapping_key=f"key-{number}")


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
    return len(values)


@dag(schedule=None)
def keys_mapped():
    """Map over the keys, and collect."""
    gather(keys().map(lambda key: more(key, work(key))).collect())


keys_mapped()
