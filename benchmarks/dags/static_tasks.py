"""Forty tasks in twenty chains of two, as a static Dag, for the benchmark."""

from __future__ import annotations

from airflow.sdk import dag, task

CHAINS = 20


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


@dag(schedule=None)
def static_tasks():
    """Call the two tasks for each number."""
    gather([more(work(number)) for number in range(CHAINS)])


static_tasks()
