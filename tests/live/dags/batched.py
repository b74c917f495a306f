"""Batches on a real Airflow: keys that fail and are tried again, and a process that is killed."""

from __future__ import annotations

import logging
import os
import signal
import time
from datetime import timedelta

from airflow.sdk import dag, get_current_context, task

from airflow_dynamic_provider import Batch, DynamicOut, DynamicOutput, add_output_metadata, dynamic_task

log = logging.getLogger(__name__)

#: The number of keys of a batch, and of all three: more than Airflow maps by default.
SIZE, COUNT = 400, 1200

#: The key whose process is killed in its first try, or in each, after those before it have ended.
KILLED = 600

#: With this in each key, a batch is stored in several chunks.
FILLER = "." * 200

#: The keys that fail in their first try, and the one that fails in both. It does not if it is cleared then.
FAILING, FAILED = range(100, 110), 105


@dynamic_task(out=DynamicOut(int))
def numbers():
    for number in range(COUNT):
        yield DynamicOutput(number, f"n{number:05d}")


def kill_at(number):
    context = get_current_context()
    is_first = context["ti"].try_number == 1
    if number == KILLED and (is_first or context["dag_run"].conf.get("always")):
        # Longer than the second between two stores, and the time that a store takes.
        time.sleep(4)
        os.kill(os.getpid(), signal.SIGKILL)


@task(retries=1, retry_delay=timedelta(seconds=1))
def square(number):
    context = get_current_context()
    kill_at(number)
    if number % 100 == 0:
        log.info("squaring %d", number)
    if number in FAILING and context["ti"].try_number < (3 if number == FAILED else 2):
        raise ValueError(f"{number} is bad")
    add_output_metadata({"try": context["ti"].try_number, "filler": FILLER})
    return number**2


@dynamic_task(out=DynamicOut(str), retries=1, retry_delay=timedelta(seconds=1))
def split(number):
    kill_at(number)
    tries = get_current_context()["ti"].try_number
    for part in range(number % 3):
        yield DynamicOutput(f"{number}.{part}{FILLER} in try {tries}", f"p{part}")


@task
async def double(square):
    return 2 * square


@task
def total(values):
    return [len(values), sum(values)]


@task
def count_states(states):
    return {state: list(states.values()).count(state) for state in sorted(set(states.values()))}


@task
def keep(values):
    return values


@dag(schedule=None)
def batched():
    produced = numbers()
    keep(produced.map(split, batch=SIZE).collect(min_success_ratio=0))
    squares = produced.map(square, batch=SIZE)
    doubles = squares.map(double, batch=Batch(280, concurrency=50))
    total(doubles.collect(min_success_ratio=0.8))
    count_states(doubles.states())


batched()
