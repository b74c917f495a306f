"""The same computation in several runs at once: one makes it, and the others wait for its result."""

from __future__ import annotations

import os
import time
from pathlib import Path

from airflow.sdk import dag, get_current_context, task

from airflow_dynamic_provider import Cache, DynamicOut, DynamicOutput, dynamic_task


@dynamic_task(out=DynamicOut(int), cache=Cache("1", serialize=True))
def slow(folder):
    run_id = get_current_context()["run_id"]
    # Written whole or not at all: the test looks for it.
    unfinished = Path(folder) / "unfinished"
    unfinished.write_text(str(os.getpid()))
    unfinished.rename(Path(folder) / f"{run_id}.pid")
    while not (Path(folder) / "go").exists():
        time.sleep(0.2)
    for number in range(3):
        yield DynamicOutput(number, str(number))


@task
def total(numbers):
    return sum(numbers)


@dag(schedule=None, params={"folder": "/tmp"})
def serialized():
    total(slow("{{ params.folder }}").collect())


serialized()
