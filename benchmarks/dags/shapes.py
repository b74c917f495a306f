"""The same work written by hand and as a workflow, for the benchmark."""

from __future__ import annotations

from airflow.sdk import dag, task

from airflow_dynamic_provider import dynamic_workflow

WIDTH, LENGTH, LEVELS = 100, 20, 6


@task
def numbers():
    """Return the numbers to fan out over."""
    return list(range(WIDTH))


@task
def step(number):
    """Do almost nothing."""
    return number + 1


@task
def add_up(values):
    """Read all results."""
    return sum(values)


@dynamic_workflow
def fan(values):
    """Call one node for each value."""
    return [step(value) for value in values]


@dynamic_workflow
def chain():
    """Call nodes one after the other."""
    value = 0
    for _ in range(LENGTH):
        value = step(value)
    return [value]


@dynamic_workflow
def dig(depth):
    """Call the workflow itself with a promise: each level is planned after the previous level has run."""
    if depth >= LEVELS:
        return depth
    return dig(step(depth))


@dag(schedule=None)
def levels_as_workflow():
    """Plan levels one after the other."""
    add_up.override(task_id="add_up")([dig(0)])


@dag(schedule=None)
def fan_by_hand():
    """Use Airflow's own mapping."""
    add_up(step.expand(number=numbers()))


@dag(schedule=None)
def fan_as_workflow():
    """Fan out in a workflow."""
    add_up(fan(numbers()))


@dag(schedule=None)
def chain_by_hand():
    """Run tasks one after the other, as written in the Dag file."""
    value = 0
    for number in range(LENGTH):
        value = step.override(task_id=f"step_{number}")(value)
    add_up.override(task_id="add_up")([value])


@dag(schedule=None)
def chain_as_workflow():
    """Run nodes one after the other in a workflow."""
    add_up(chain())


levels_as_workflow()
fan_by_hand()
fan_as_workflow()
chain_by_hand()
chain_as_workflow()
