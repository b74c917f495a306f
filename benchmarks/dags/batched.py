"""The same two tasks with this package: in batches, and with a task instance for each key.

The configuration of a run says how many keys there are, and which fail in their first try.
"""

from __future__ import annotations

import asyncio
import datetime

from airflow.sdk import dag, get_current_context, task

from airflow_dynamic_provider import Batch, DynamicOut, DynamicOutput

TRIES = {"retries": 1, "retry_delay": datetime.timedelta(seconds=1)}


@task.dynamic(out=DynamicOut(int))
def keys(dag_run=None):
    """Yield the keys."""
    for number in range(dag_run.conf["keys"]):
        yield DynamicOutput(number, mapping_key=f"key-{number:06d}")


@task(**TRIES)
def work(number, dag_run=None):
    """Do almost nothing. Some keys fail in the first try."""
    fails = dag_run.conf.get("fails", 0)
    if number < fails and get_current_context()["ti"].try_number == 1:
        raise ValueError(f"{number} fails once")
    return number + 1


@task
def more(number):
    """Do almost nothing."""
    return number * 2


@task
def read_pages(values):
    """Read all results, a page at a time."""
    return sum(values)


@task
async def wait(number):
    """Wait as for a service."""
    await asyncio.sleep(0.01)
    return number


@task
def gather(values):
    """Read all results, by key."""
    return [len(values), sum(values.values())]


@dag(schedule=None, params={"keys": 300})
def batched():
    """Map in batches of a thousand."""
    gather(keys().map(lambda number: more(work(number)), batch=1000).collect(keyed=True))


@dag(schedule=None, params={"keys": 300})
def batched_lazily():
    """Map in batches of five thousand, and read the results while the collector runs."""
    read_pages(keys().map(lambda number: more(work(number)), batch=5000).collect(lazy=True))


@dag(schedule=None, params={"keys": 300})
def unbatched():
    """Map with a task instance for each key."""
    gather(keys().map(lambda number: more(work(number))).collect(keyed=True))


@dag(schedule=None, params={"keys": 300})
def waiting():
    """Wait a hundred times at once, in one task instance."""
    gather(keys().map(wait, batch=Batch(10_000, concurrency=100)).collect(keyed=True))


batched()
batched_lazily()
unbatched()
waiting()
