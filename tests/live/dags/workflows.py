"""Workflows that only a real scheduler and triggerer test: waiting, growing, failing, killed processes."""

from __future__ import annotations

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger
from airflow.sdk import BaseOperator, dag, get_current_context, task

from airflow_dynamic_provider import (
    DynamicOut,
    DynamicOutput,
    add_output_metadata,
    dynamic_workflow,
    map_task,
)


@task
def number(value):
    """Return a number."""
    add_output_metadata({"value": value})
    return value


@task
def add(left, right):
    """Add two numbers."""
    return left + right


@task
def keep(values):
    """Keep it."""
    return values


@task
def nearer(value):
    """Halve the distance to 1."""
    return value / 2 if value > 1 else value


@dynamic_workflow
def until_small(value):
    """Call itself until the number is small, which only a running node knows."""
    if value <= 1:
        return value
    return until_small(nearer(value))


class Pause(BaseOperator):
    """Defer for a second."""

    def execute(self, context):
        """Wait in the triggerer."""
        self.defer(trigger=TimeDeltaTrigger(timedelta(seconds=1)), method_name="come_back")

    def come_back(self, context, event):
        """Return when that was over."""
        return "paused"


@dynamic_workflow
def mixed(count):
    """A chain, a map over a promise, an operator, and an order against the order of the calls."""
    total = number.override(task_id="start")(0)
    for index in range(count):
        total = add(total, index)
    last = BashOperator(task_id="say", bash_command=f"echo {count}")
    doubled = map_task(number, concurrency=2)(listed(count))
    first = number.override(task_id="first")(7)
    paused = Pause(task_id="pause")
    first >> last >> paused
    ends = {"said": last.output, "paused": paused.output}
    return {"total": total, "doubled": doubled, "small": until_small(8), **ends}


@task
def listed(count):
    """Return a list whose length only a running node knows."""
    return list(range(count))


@task.dynamic(out=DynamicOut(int))
def tenants():
    """Produce the keys, each with its own graph."""
    for key, count in {"ann": 2, "bob": 0, "cid": 1}.items():
        yield DynamicOutput(count, mapping_key=key)


@dynamic_workflow
def per_tenant(count):
    """Each key has its own graph."""
    return [add(number(index), 1) for index in range(count)]


@dynamic_workflow(out=DynamicOut(int))
def by_name(count):
    """Outputs by key, whose values come from nodes."""
    return [DynamicOutput(number(index), mapping_key=f"n{index}") for index in range(count)]


@dynamic_workflow
def in_parts(count) -> tuple[list[int], int]:
    """A list to expand over, and its length."""
    return [number(index) for index in range(count)], count


@dag(schedule=None)
def workflows():
    """Everything that grows or waits."""
    keep(mixed(4))
    doubled = by_name(2).map(lambda value: add.override(task_id="doubled")(value, value))
    keep.override(task_id="keep_by_name")(doubled.collect(keyed=True))
    values, count = in_parts(2)
    add.override(task_id="each_part").partial(right=count).expand(left=values)
    keep.override(task_id="keep_tenants")(tenants().map(per_tenant).collect(keyed=True))


@task
def fail_once(folder):
    """Fail until it is repaired."""
    if not (Path(folder) / "mended").exists():
        raise ValueError("not mended")
    return 1


@task
def note(folder, name, value):
    """Leave a line for each run of it."""
    with (Path(folder) / "ran").open("a") as file:
        file.write(f"{name}\n")
    return value


@dynamic_workflow(failure_policy="run_all")
def half_broken(folder):
    """One of two branches fails."""
    broken = fail_once(folder)
    after = note.override(task_id="after")(folder, "after", broken)
    apart = note.override(task_id="apart")(folder, "apart", 5)
    return add(after, apart)


@dag(schedule=None, params={"folder": ""})
def broken_workflow():
    """A workflow that fails and is then cleared in part."""
    keep(half_broken("{{ params.folder }}"))


@task(retries=1, retry_delay=timedelta(0))
def die_once(name, value, folder):
    """Kill the process of the first try as if its machine had failed."""
    mark = Path(folder) / name
    if get_current_context()["ti"].try_number == 1:
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return value


@task
def wait_for(path, value):
    """Wait for a file, so that the test can act meanwhile."""
    while not Path(path).exists():
        time.sleep(0.2)
    return value


@dynamic_workflow
def mortal(folder):
    """Nodes that are killed, one that others wait for, and nodes that wait in the triggerer meanwhile."""
    held = wait_for(f"{folder}/go", 1)
    first = die_once("first", held, folder)
    waiting = [add(first, index) for index in range(5)]
    return [die_once.override(task_id="last")("last", 3, folder), *waiting, until_small(first)]


@dag(schedule=None, params={"folder": ""})
def mortal_workflow():
    """Workers and the triggerer are killed while it runs."""
    keep(mortal("{{ params.folder }}"))


workflows()
broken_workflow()
mortal_workflow()
