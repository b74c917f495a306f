"""Compare keys that run in batches with the same work written by hand, on a real Airflow with four slots.

It prints keys a second of 300 keys written by hand and with ``map``, and of 10,000 keys in batches; the
processor time and the calls of a key; a retry of ten keys; a function that waits; and the largest process of
100,000 keys.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from benchmarks.keys import airflow_with_probe, read_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live import rest_client

FEW, MANY, MOST = 300, 10_000, 100_000


def main() -> None:
    """Run the programs one after the other, and print what was measured."""
    with airflow_with_probe() as (client, lines):
        _Benchmark(client, lines).run()


class _Benchmark:
    def __init__(self, client: rest_client.RestClient, lines: Path) -> None:
        self.client = client
        self.lines = lines

    def run(self) -> None:
        """Run everything."""
        self._measure("by hand", "batched_by_hand", FEW)
        self._measure("map", "unbatched", FEW)
        self._measure("map in batches of 1000", "batched", MANY)
        self._measure("map in batches of 1000, 10 keys retried", "batched", MANY, fails=10)
        self._measure("10 ms of waiting a key, 100 at once", "waiting", MANY)
        self._measure("map in batches of 1000", "batched", MOST)

    def _measure(self, name: str, dag_id: str, keys: int, **conf: Any) -> None:
        self.client.wait_for_dag(dag_id)
        run_id = self.client.trigger(dag_id, {"keys": keys, **conf})
        state = self.client.wait(dag_id, run_id, seconds=900)
        assert state == "success", (dag_id, state)
        seconds = self.client.seconds(dag_id, run_id)
        tasks = read_tasks(self.lines, dag_id, run_id)
        print(f"{name}: {keys} keys in {seconds:.1f} s, {keys / seconds:.0f} keys a second", flush=True)
        calls = sum(sum(task["calls"].values()) for task in tasks)
        print(f"    {len(tasks)} task instances, {calls / keys:.4f} calls a key after their start")
        for task_id in sorted({task["task_id"] for task in tasks}):
            own = [task for task in tasks if task["task_id"] == task_id]
            processor = sum(task["seconds"] for task in own)
            largest = max(task["megabytes"] for task in own)
            print(
                f"    {task_id:16} {len(own):4} processes, {1000 * processor / keys:.3f} ms of processor a "
                f"key, {largest:.0f} MB"
            )


if __name__ == "__main__":
    sys.exit(main())
