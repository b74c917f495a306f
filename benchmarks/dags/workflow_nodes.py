"""The program of ``static_tasks.py`` as a workflow, whose body runs at execution time."""

from __future__ import annotations

from airflow.sdk import dag, task

from airflow_dynamic_provider import dynamic_workflow

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


@dynamic_workflow(tasks=[work, more])
def chains(count):
    """Call the two tasks for each number."""
    return [more(work(number)) for number in range(count)]


@dag(schedule=None)
def workflow_nodes():
    """Run the workflow."""
    gather(chains(CHAINS))


workflow_nodes()
