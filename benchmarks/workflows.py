"""Compare a workflow with the same work written by hand, on a real Airflow with four slots.

Both run in turns on one Airflow, and the result is the ratio of the medians. ``--defaults`` keeps Airflow's
default settings. Otherwise the settings are those of the live tests. First, the benchmark measures the
planning of 1,000 nodes, and how often the triggerer reads states for 200 waiting nodes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from airflow.sdk import BaseOperator, task

from airflow_dynamic_provider import dynamic_workflow
from airflow_dynamic_provider.workflows.declared.spec import Lane, WorkflowSpec
from airflow_dynamic_provider.workflows.plan.plan import Plan, PlannedNode, pack_plan
from airflow_dynamic_provider.workflows.progress.reader import WorkflowReader
from airflow_dynamic_provider.workflows.progress.stored import PLAN_XCOM
from airflow_dynamic_provider.workflows.waiting.watching import watch
from tests.live import local_airflow, rest_client

NODES = 1000
WAITING = 200
SECONDS = 10.0
ROUNDS = 3
LEVELS = 6


@task
def work(number):
    """Return the number."""
    return number


@dynamic_workflow(max_nodes=NODES)
def many(count):
    """Call a task for each number."""
    return [work(number) for number in range(count)]


def measure_planning() -> None:
    """Compare planning 1,000 nodes with making 1,000 of Airflow's operators."""
    kinds = many.find_kinds()
    many.plan({"count": 10}, kinds=kinds)
    started = time.perf_counter()
    plan = many.plan({"count": NODES}, kinds=kinds)
    planned = time.perf_counter() - started
    started = time.perf_counter()
    for number in range(NODES):
        BaseOperator(task_id=f"task_{number}")
    made = time.perf_counter() - started
    size = len(json.dumps(pack_plan(plan)).encode()) / 1024
    print(f"planning {NODES:,} nodes: {planned:.2f} s, {size:.0f} KB of plan")
    print(f"making {NODES:,} operators without a Dag: {made:.2f} s; ratio {planned / made:.2f}")


class CountingSource:
    """The states of nodes, the first of which never ends. Counts the reads."""

    def __init__(self) -> None:
        self.states_read = self.xcoms_read = 0
        first = PlannedNode("first", "work")
        others = (PlannedNode(f"n{number}", "work", {"x": {"$ref": "first"}}) for number in range(WAITING))
        self._plan = pack_plan(Plan("waiting", (first, *others)))

    def states(self, task_ids):
        """Return that all wait."""
        self.states_read += 1
        return {("work", number): "deferred" for number in range(WAITING + 1)}

    def pull(self, task_id, xcom_key, map_index):
        """Return the plan or the list."""
        self.xcoms_read += 1
        return self._plan if xcom_key == PLAN_XCOM else [node["name"] for node in self._plan["nodes"]]


async def measure_waiting() -> None:
    """Have 200 nodes wait for ten seconds."""
    source = CountingSource()
    spec = WorkflowSpec("waiting", "plan", "result", {"work": Lane("work", "work", "nodes")})
    watched = watch("dag", "run", spec)
    watched._reader = WorkflowReader("dag", "run", spec, source)

    async def wait(name: str) -> None:
        async with watch("dag", "run", spec) as mine:
            seen = 0
            while True:
                seen, snapshot = await mine.next(seen)
                snapshot.graphs[()].decide(name)

    began = time.process_time()
    waiting = asyncio.gather(*(wait(f"n{number}") for number in range(WAITING)))
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(waiting, SECONDS)
    busy = (time.process_time() - began) / SECONDS
    reads = source.states_read / SECONDS
    print(f"{WAITING} waiting nodes: {reads:.2f} reads of states a second, {busy:.1%} of a core")


def measure_runs(*, defaults: bool) -> None:
    """Run each workflow and its counterpart in turns."""
    own = {} if not defaults else dict.fromkeys(local_airflow.TUNING, None)
    settings = {**own, "AIRFLOW__CORE__PARALLELISM": "4", "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "16"}
    folder = Path(tempfile.mkdtemp(prefix="airflow-benchmark-"))
    dags = Path(__file__).parent / "dags"
    print(f"starting an Airflow with four slots, {'default' if defaults else 'tuned'} settings", flush=True)
    with local_airflow.LocalAirflow(folder, dags, settings=settings).running() as started:
        client = rest_client.RestClient(started.url)
        for shape, limit in (("fan", 1.25), ("chain", 3.0)):
            seconds: dict[str, list[float]] = {}
            for number in range(ROUNDS + 1):
                for how in ("by_hand", "as_workflow"):
                    taken = _run(client, f"{shape}_{how}")
                    # The first run of each is a warm-up.
                    if number:
                        seconds.setdefault(how, []).append(taken)
                    print(f"  {shape} {how}: {taken:.1f} s{'' if number else ' (first)'}", flush=True)
            medians = {how: statistics.median(taken) for how, taken in seconds.items()}
            ratio = medians["as_workflow"] / medians["by_hand"]
            shown = ", ".join(f"{how} {taken:.1f} s" for how, taken in medians.items())
            print(f"{shape}: {shown}; ratio {ratio:.2f} (at most {limit} is wanted)")
        _measure_levels(client)


def _measure_levels(client: rest_client.RestClient) -> None:
    """Measure the recursion on a promise."""
    taken = [_run(client, "levels_as_workflow") for _ in range(ROUNDS)]
    median = statistics.median(taken)
    shown = ", ".join(f"{each:.1f} s" for each in taken)
    # Each level has two nodes in a row: the node that the next one waits for, and the node that plans.
    print(f"recursion of {LEVELS} levels: {shown}; {median / LEVELS:.2f} s a level with its two nodes")


def _run(client: rest_client.RestClient, dag_id: str) -> float:
    run_id = client.trigger(dag_id)
    state = client.wait(dag_id, run_id, seconds=600)
    assert state == "success", (dag_id, state)
    return client.seconds(dag_id, run_id)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--defaults", action="store_true", help="with Airflow's own settings")
    parser.add_argument("--no-runs", action="store_true", help="without starting an Airflow")
    arguments = parser.parse_args()
    measure_planning()
    asyncio.run(measure_waiting())
    if not arguments.no_runs:
        measure_runs(defaults=arguments.defaults)
    sys.exit(0)
