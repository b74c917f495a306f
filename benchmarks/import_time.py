"""Measure the import time that the package adds to a Dag file: ``python benchmarks/import_time.py [RUNS]``.

Each run is a new interpreter. It imports `airflow.sdk` with the modules that every TaskFlow Dag file loads,
and then all names of this package that a Dag file uses. It prints the medians of both, in processor time.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

PROGRAM = """
import json, time
start = time.process_time()
from airflow.sdk import dag, task
task(lambda: None)
middle = time.process_time()
from airflow_dynamic_provider import DynamicOut, DynamicOutput, MetadataValue, Out, Output
from airflow_dynamic_provider import add_output_metadata, dynamic_task, get_mapping_key
print(json.dumps([(middle - start) * 1000, (time.process_time() - middle) * 1000]))
"""


def measure() -> list[float]:
    """Return the milliseconds of both imports in a new interpreter."""
    run = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True)
    times: list[float] = json.loads(run.stdout.splitlines()[-1])
    return times


def main(runs: int) -> None:
    """Measure, and print the medians."""
    # The first run compiles modules that are not compiled yet.
    measure()
    airflow, package = (
        statistics.median(times) for times in zip(*(measure() for _ in range(runs)), strict=True)
    )
    print(f"airflow.sdk            {airflow:8.1f} ms")
    print(f"this package adds      {package:8.1f} ms ({package / airflow:.1%})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
