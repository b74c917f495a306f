"""Dags whose shape only a real scheduler tests: gates, empty operators, several outputs, depth first."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from airflow.providers.common.compat.sdk import AirflowSkipException
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import dag, task

from airflow_dynamic_provider import DynamicOut, DynamicOutput, add_output_metadata


@task.dynamic(out={"even": DynamicOut(int), "odd": DynamicOut(int)})
async def numbers():
    """Produce two dynamic outputs asynchronously. Each has its own list of keys."""
    for number in range(5):
        await asyncio.sleep(0)
        yield DynamicOutput(number, f"n{number}", "odd" if number % 2 else "even", metadata={"n": number})
    add_output_metadata({"how": "async"}, output_name="odd")


@task
def double(number):
    """Double it."""
    return number * 2


@task
def skip_n2(number, mapping_key=None):
    """Skip one key."""
    if mapping_key == "n2":
        raise AirflowSkipException("not this one")
    return number


@task
def add_up(values):
    """Add up a collection."""
    return sum(values)


@task
def pair(left, right):
    """Keep both."""
    return [left, right]


@task
def keep(values):
    """Keep it."""
    return values


@dag(schedule=None)
def shapes():
    """Two chains that need each other's total, which needs a gate, and an empty operator for each key."""
    even, odd = numbers()
    left, right = even.map(skip_n2), even.map(double)
    of_left, of_right = add_up(left.collect()), add_up.override(task_id="add_up_right")(right.collect())
    keep(left.map(lambda n: pair(n, of_right)).collect(keyed=True))
    right.map(lambda n: pair.override(task_id="pair_right")(n, of_left))
    odd.map(lambda n: double.override(task_id="double_odd")(n).operator >> EmptyOperator(task_id="end"))


@task.dynamic(out=DynamicOut(str))
def keys(folder):
    """Produce a slow and a fast key."""
    return [DynamicOutput(folder, "fast"), DynamicOutput(folder, "slow")]


@task
def first(folder, mapping_key=None):
    """Let the slow key wait until the fast one has passed its second task."""
    deadline = time.monotonic() + 60
    while mapping_key == "slow" and not (Path(folder) / "fast is through").exists():
        if time.monotonic() > deadline:
            raise TimeoutError("the fast key's second task did not run while the slow key's first one did")
        time.sleep(0.2)
    return folder


@task
def second(folder, mapping_key=None):
    """Leave a sign."""
    (Path(folder) / f"{mapping_key} is through").touch()


@dag(schedule=None, params={"folder": ""})
def depth_first():
    """A key's second task starts when its own first task is done."""
    keys("{{ params.folder }}").map(first).map(second)


@task.dynamic(out=DynamicOut(str))
def six(folder):
    """Produce six keys."""
    for number in range(6):
        yield DynamicOutput(folder, str(number))


@task
def count_active(folder, ti=None, mapping_key=None):
    """Return the number of clones of this task that ran at the same time, including itself."""
    own = Path(folder) / f"{ti.task_id}.{mapping_key}.active"
    own.touch()
    seen = 0
    for _ in range(10):
        seen = max(seen, len(list(Path(folder).glob(f"{ti.task_id}.*.active"))))
        time.sleep(0.1)
    own.unlink()
    return seen


@dag(schedule=None, params={"folder": ""})
def limited():
    """At most two clones of each task run at a time."""
    folders = six("{{ params.folder }}")

    def body(folder):
        return pair(count_active(folder), count_active.override(task_id="then")(folder))

    keep(folders.map(body, max_active=2).collect())


@task.dynamic(out=DynamicOut(str))
def listed(folder):
    """Produce the keys that a file lists."""
    for key in (Path(folder) / "keys").read_text().split():
        yield DynamicOutput(folder, mapping_key=key)


@task
def take_time(folder, mapping_key=None):
    """Keep the later keys running while the others are done."""
    time.sleep(0 if mapping_key in "abc" else 8)
    return mapping_key


@task
def upper(key):
    """Use the return value of the first task of the same key."""
    return key.upper()


@dag(schedule=None, params={"folder": ""})
def growing():
    """A chain over keys that change when the run is cleared."""
    chained = listed("{{ params.folder }}").map(take_time).map(upper)
    keep(chained.collect(keyed=True))


shapes()
depth_first()
growing()
limited()
