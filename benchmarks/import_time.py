"""What importing the package adds to a Dag file: ``python benchmarks/import_time.py [RUNS]``.

Each run is an interpreter of its own. Printed are medians of processor time: of `import airflow.sdk` with
what every TaskFlow Dag file loads, and of the same with all names of this package that a Dag file uses.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

BASELINE = "from airflow.sdk import dag, task; task(lambda: None)"
WITH_PACKAGE = (
    f"{BASELINE}; from airflow_dynamic_provider import DynamicOut, DynamicOutput, MetadataValue, Out, Output"
    ", add_output_metadata, dynamic_task, get_mapping_key"
)
TIMED = "import time; start = time.process_time(); {}; print((time.process_time() - start) * 1000)"


def measure(statement: str) -> float:
    """Return the milliseconds that a statement takes in a new interpreter."""
    run = subprocess.run(
        [sys.executable, "-c", TIMED.format(statement)], check=True, capture_output=True, text=True
    )
    return float(run.stdout.splitlines()[-1])


def main(runs: int) -> None:
    """Measure both in turns, so that both meet the same machine, and print the medians."""
    # The first of each compiles what was not compiled yet.
    measure(BASELINE), measure(WITH_PACKAGE)
    pairs = [(measure(BASELINE), measure(WITH_PACKAGE)) for _ in range(runs)]
    baseline, with_package = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"airflow.sdk            {baseline:8.1f} ms")
    print(f"with the package       {with_package:8.1f} ms")
    print(f"added                  {with_package - baseline:8.1f} ms ({with_package / baseline - 1:.1%})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
