"""Measure how much waiting workflows delay the other triggers of the same triggerer.

One process runs workflows with waiting nodes, and ordinary sensors of three sorts. The first only sleeps. The
second calls a library function in a thread, as most providers do (``sync_to_async``). The third asks the API.
The API imitates the supervisor of a triggerer: it answers one request after the other, each after
``--latency`` milliseconds. The benchmark measures each call of a sensor with and without the workflows.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from collections import defaultdict

from airflow.sdk.execution_time.comms import GetTaskStates, TaskStatesResult, XComResult
from airflow.sdk.execution_time.supervisor import set_supervisor_comms
from asgiref.sync import sync_to_async

from airflow_dynamic_provider.workflows.declared.spec import Lane, WorkflowSpec
from airflow_dynamic_provider.workflows.plan.plan import Plan, PlannedNode, pack_plan
from airflow_dynamic_provider.workflows.progress.stored import PLAN_XCOM
from airflow_dynamic_provider.workflows.waiting.watching import watch

SENSORS = 10
PAUSE = 0.5
#: The seconds that the function in a thread takes.
WORK = 0.005

SPEC = WorkflowSpec("waiting", "plan", "result", {"work": Lane("work", "work", "nodes")})


class Supervisor:
    """Answers one request after the other; the first node of each workflow never ends."""

    def __init__(self, latency: float, nodes: int) -> None:
        self.latency = latency
        self.asked = 0
        first = PlannedNode("first", "work")
        others = (PlannedNode(f"n{number}", "work", {"x": {"$ref": "first"}}) for number in range(nodes))
        self.plan = pack_plan(Plan("waiting", (first, *others)))
        self.states = {"plan": "success", **{f"work_{number}": "deferred" for number in range(nodes + 1)}}
        self.loop = asyncio.get_running_loop()
        self.busy = asyncio.Lock()

    def send(self, msg):
        """Answer another thread."""
        return asyncio.run_coroutine_threadsafe(self.asend(msg), self.loop).result()

    async def asend(self, msg):
        """Answer."""
        async with self.busy:
            self.asked += 1
            await asyncio.sleep(self.latency)
        if isinstance(msg, GetTaskStates):
            return TaskStatesResult(task_states={msg.run_ids[0]: self.states})
        value = self.plan if msg.key == PLAN_XCOM else [node["name"] for node in self.plan["nodes"]]
        return XComResult(key=msg.key, value=value)


async def measure(workflows: int, nodes: int, latency: float, seconds: float):
    """Return the seconds of each call by sort of sensor, and the requests and looks per second."""
    supervisor = Supervisor(latency, nodes)
    late = defaultdict(list)
    looks = 0

    async def wait(run: int, number: int) -> None:
        nonlocal looks
        async with watch("dag", f"run {run}", SPEC) as mine:
            seen = 0
            while True:
                seen, snapshot = await mine.next(seen)
                snapshot.graphs[()].decide(f"n{number}")
                looks += number == 0

    async def sense(sort: str, call) -> None:
        while True:
            began = time.perf_counter()
            await call()
            late[sort].append(time.perf_counter() - began)
            await asyncio.sleep(PAUSE)

    calls = {
        "sleeps": lambda: asyncio.sleep(0.01),
        "calls a library": lambda: sync_to_async(time.sleep)(WORK),
        "asks the API": lambda: supervisor.asend(GetTaskStates(dag_id="other", run_ids=["run"])),
    }
    with set_supervisor_comms(supervisor):
        tasks = [asyncio.create_task(wait(run, at)) for run in range(workflows) for at in range(nodes)]
        tasks += [asyncio.create_task(sense(*each)) for each in calls.items() for _ in range(SENSORS)]
        await asyncio.sleep(seconds)
        for each in tasks:
            each.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
        # Let a look that is running in a thread end.
        await asyncio.sleep(1)
    return late, supervisor.asked / seconds, looks / seconds


def main() -> int:
    """Measure, and print the delays."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workflows", type=int, default=30)
    parser.add_argument("--nodes", type=int, default=5, help="that wait, of each workflow")
    parser.add_argument("--latency", type=float, default=10, help="milliseconds of a request")
    parser.add_argument("--seconds", type=float, default=15)
    arguments = parser.parse_args()
    latency = arguments.latency / 1000
    alone, _, _ = asyncio.run(measure(0, 0, latency, arguments.seconds))
    beside, asked, looks = asyncio.run(
        measure(arguments.workflows, arguments.nodes, latency, arguments.seconds)
    )
    print(
        f"{arguments.workflows} workflows, {arguments.nodes} waiting nodes each: "
        f"{looks / max(arguments.workflows, 1):.2f} looks a second each; the API is busy for "
        f"{asked * latency:.0%} of the time"
    )
    for sort, without in alone.items():
        both = [sorted(each) for each in (without, beside[sort])]
        medians = [1000 * statistics.median(each) for each in both]
        worst = [1000 * each[-1 - len(each) // 100] for each in both]
        print(
            f"a sensor that {sort}: median {medians[0]:.0f} ms alone, {medians[1]:.0f} ms beside them "
            f"(ratio {medians[1] / medians[0]:.1f}); the slowest percent {worst[0]:.0f} and {worst[1]:.0f} ms"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
