"""Compare keys that run in batches with the same work written by hand, on a real Airflow with four slots.

It prints keys a second of 300 keys written by hand and with ``map``, and of 10,000 and 100,000 keys in
batches; the processor time and the calls of a key; a retry of ten keys; a function that waits; how long the
answers to the pages take; and the largest memory of each process.

``python -m benchmarks.batches 100000`` measures batches of that many keys, and nothing else. On a terminal it
shows how far a run is.
"""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import psutil  # type: ignore[import-untyped]

from benchmarks.keys import airflow_with_probe, read_tasks

if TYPE_CHECKING:
    from types import TracebackType

    from benchmarks.keys import Probed

FEW, MANY, MOST = 300, 10_000, 100_000

#: The most that a run may take, in seconds.
LONGEST = 1800

#: How long to wait before the memory of all processes is read again, in seconds.
_LOOK_EVERY = 0.25

_MIB = 1024 * 1024


def main() -> None:
    """Run the programs one after the other, and print what was measured."""
    sizes = [int(each) for each in sys.argv[1:]]
    with airflow_with_probe() as probed:
        benchmark = _Benchmark(probed)
        if sizes:
            for size in sizes:
                benchmark.run_batches(size)
        else:
            benchmark.run_all()


class _Benchmark:
    def __init__(self, probed: Probed) -> None:
        self.airflow, self.client, self.lines = probed

    def run_all(self) -> None:
        """Run everything."""
        self._measure("by hand", "batched_by_hand", FEW)
        self._measure("map", "unbatched", FEW)
        self._measure("map in batches of 1000, 10 keys retried", "batched", MANY, fails=10)
        self._measure("10 ms of waiting a key, 100 at once", "waiting", MANY)
        for size in (MANY, MOST):
            self.run_batches(size)

    def run_batches(self, keys: int) -> None:
        """Run both Dags with batches."""
        self._ask_pages("batched", self._measure("map in batches of 1000", "batched", keys))
        self._measure("map in batches of 5000, collected lazily", "batched_lazily", keys)

    def _measure(self, name: str, dag_id: str, keys: int, **conf: Any) -> str:
        self.client.wait_for_dag(dag_id)
        with _Memory(self.airflow.processes) as memory:
            run_id = self.client.trigger(dag_id, {"keys": keys, **conf})
            self._wait(dag_id, run_id, keys)
        seconds = self.client.seconds(dag_id, run_id)
        tasks = read_tasks(self.lines, dag_id, run_id)
        print(f"{name}: {keys} keys in {seconds:.1f} s, {keys / seconds:.0f} keys a second", flush=True)
        calls = sum(sum(task["calls"].values()) for task in tasks)
        print(f"    {len(tasks)} task instances, {calls / keys:.4f} calls a key after their start")
        for task_id in sorted({task["task_id"] for task in tasks}):
            own = [task for task in tasks if task["task_id"] == task_id]
            processor = sum(task["seconds"] for task in own)
            largest = max(task["megabytes"] for task in own)
            longest = max(task["wall"] for task in own)
            calls = sum(sum(task["calls"].values()) for task in own)
            print(
                f"    {task_id:16} {len(own):4} processes, {calls:5} calls, {1000 * processor / keys:.3f} ms "
                f"of processor a key, {longest:.1f} s at most, {largest:.0f} MB"
            )
        print(f"    {memory}", flush=True)
        return run_id

    def _wait(self, dag_id: str, run_id: str, keys: int) -> None:
        began = time.monotonic()
        while (state := self.client.state(dag_id, run_id)) not in ("success", "failed"):
            seconds = time.monotonic() - began
            if seconds > LONGEST:
                raise TimeoutError(f"{dag_id} is still {state} after {seconds:.0f} s")
            if sys.stderr.isatty():
                page = self.client.get(f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=1)
                done = sum(task["run_id"] == run_id for task in read_tasks(self.lines, dag_id, run_id))
                print(
                    f"\r    {dag_id}, {keys} keys: {done} of {page['total_entries']} task instances have "
                    f"succeeded in {seconds:.0f} s ",
                    end="",
                    file=sys.stderr,
                )
            time.sleep(0.5)
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr)
        assert state == "success", (dag_id, state)

    def _ask_pages(self, dag_id: str, run_id: str) -> None:
        """Print how long the answers to the page of a run take: the median of three, after the first."""
        path = f"/dynamic-outputs/dags/{dag_id}/runs/{run_id}/keys"
        for name, parameters in {
            "first page": {},
            "search of few": {"search": "777"},
            "sorted by duration": {"sort": "duration"},
            "only failed": {"state": "failed"},
        }.items():
            taken = []
            for _ in range(4):
                began = time.perf_counter()
                answer = self.client.http.get(
                    path, params={"of": "keys.result", **parameters}, timeout=LONGEST
                )
                answer.raise_for_status()
                taken.append(time.perf_counter() - began)
            print(f"    {name:18} {sorted(taken[1:])[1]:.2f} s", flush=True)


class _Memory:
    """Finds the largest memory of each component, and of what it starts, during a ``with`` block.

    Args:
        components: Name -> process.
    """

    def __init__(self, components: dict[str, Any]) -> None:
        self._processes = {name: psutil.Process(each.pid) for name, each in components.items()}
        self._largest: dict[str, float] = {}
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> _Memory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def __str__(self) -> str:
        return "largest: " + ", ".join(f"{name} {size:.0f} MB" for name, size in self._largest.items())

    def _watch(self) -> None:
        while not self._is_over.wait(_LOOK_EVERY):
            for name, process in self._processes.items():
                self._note(name, [process])
                self._note(f"started by the {name}", process.children(recursive=True))

    def _note(self, name: str, processes: list[psutil.Process]) -> None:
        for process in processes:
            try:
                size = process.memory_info().rss / _MIB
            except psutil.NoSuchProcess:
                continue
            self._largest[name] = max(size, self._largest.get(name, 0))


if __name__ == "__main__":
    sys.exit(main())
