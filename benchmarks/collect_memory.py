"""Compare the memory of a collector that iterates over its values with one that makes a list of them.

Each case runs in a separate process, as a task in Airflow's own task runner. The XComs are generated on
request. The table shows the peak memory of the process, minus the peak of a collector without values.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

SIZE = 10_000
COUNTS = (1_000, 10_000)

#: The unit of the peak memory that the system reports: KiB on Linux, bytes on macOS.
UNIT = 1 if sys.platform == "darwin" else 1024


def measure(count: int, how: str) -> None:
    """Collect ``count`` values of 10 KB, and print the peak in MB. Runs in a separate process."""
    from airflow.sdk import DAG, task

    from airflow_dynamic_provider import DynamicOut, DynamicOutput
    from tests.task_runs import FakeSupervisor, run_task

    class MakingSupervisor(FakeSupervisor):
        """Generates the results of the clones on request."""

        def _get_slice(self, msg):
            from airflow.sdk.execution_time.comms import XComSequenceSliceResult

            positions = range(count)[msg.start : msg.stop]
            return XComSequenceSliceResult(root=[self._result(position) for position in positions])

        def _result(self, position):
            return {
                "version": 1,
                "key_path": [f"key {position}"],
                "map_index": position,
                "is_produced": True,
                "value": f"{position:010}" * (SIZE // 10),
            }

    @task.dynamic(out=DynamicOut(str))
    def produce():
        yield DynamicOutput("", "never run")

    @task
    def work(value):
        return value

    @task
    def add_up(values):
        return sum(map(len, values))

    with DAG("memory", schedule=None) as dag:
        add_up(produce().map(work).collect(lazy=how == "iterate"))

    supervisor = MakingSupervisor()
    supervisor.xcoms["produce", -1, "return_value"] = [f"key {position}" for position in range(count)]
    supervisor.xcoms["produce", -1, "dynamic_output.result.0"] = {
        "version": 1,
        "key_path": ["key 0"],
        "value": "",
        "metadata": {},
    }
    supervisor.states.update({("work", position): "success" for position in range(count)})
    run = run_task(dag, "add_up", supervisor=supervisor)
    assert run.state == "success", run.message
    assert supervisor.xcoms["add_up", -1, "return_value"] == count * SIZE
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT / 1e6)


def peak(count: int, how: str) -> float:
    """Return the peak of a separate process, in MB."""
    root = Path(__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root), "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR"}
    ran = subprocess.run(
        [sys.executable, __file__, str(count), how],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(ran.stdout.split()[-1])


def main() -> None:
    """Print a table."""
    nothing = peak(0, "iterate")
    print(f"{'keys':>7}  {'values':>8}  {'gone through':>13}  {'as a list':>10}  ratio")
    for count in COUNTS:
        one_by_one, whole = (peak(count, how) - nothing for how in ("iterate", "list"))
        megabytes = count * SIZE / 1e6
        print(
            f"{count:>7}  {megabytes:>5.0f} MB  {one_by_one:>10.0f} MB  {whole:>7.0f} MB  "
            f"{one_by_one / whole:.2f}"
        )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]), sys.argv[2])
    else:
        main()
